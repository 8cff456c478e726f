"""Waiting for what a thread of the audit log does."""

import time
from collections.abc import Callable

WAIT_S = 10.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
