"""Processes that must not outlive the one that started them."""

import ctypes
import signal
import sys

__all__ = ["die_with_parent"]

# From linux/prctl.h.
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have this process sent SIGTERM when its parent is killed outright; called once it is forked.

    Linux does that; elsewhere it stays.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
