"""Where threads of a process take memory from.

glibc gives each thread an arena of its own, up to eight times as many as there are cores, and what
is freed in one is of no use to the others: a library that works in many short-lived threads, each
of which takes some megabytes and frees them, keeps several times what it needs.
"""

import ctypes
from typing import Final

__all__ = ["share_one_arena"]

M_ARENA_MAX: Final = -8
"""From glibc's malloc.h; see mallopt(3)."""


def share_one_arena() -> None:
    """Have threads that begin from now on share one arena; nothing changes without glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
