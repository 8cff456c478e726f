"""Keeps libraries from logging the same thing thousands of times a second.

A process out of descriptors is the case: asyncio tries up to two thousand times in a row to accept
a connection, and logs each failure with its traceback, 3 MB a second and more.
"""

import logging
import time
from collections.abc import Callable

__all__ = ["FloodFilter"]

MOST = 10
"""Records of one kind within `WINDOW_S`."""
WINDOW_S = 1.0
MAX_KINDS = 1_000
"""Kinds whose records were left out and are not yet counted in the log."""


class FloodFilter(logging.Filter):
    """Lets the first few of a kind through each second; the next one then says how many were not.

    A kind is a logger with a message before its arguments are put in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since = 0.0
        self._seen: dict[tuple[str, str], int] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged."""
        now = self._clock()
        if now - self._since >= WINDOW_S:
            self._since = now
            self._seen.clear()
        kind = (record.name, str(record.msg))
        seen = self._seen[kind] = self._seen.get(kind, 0) + 1
        if seen > MOST:
            if kind in self._left_out or len(self._left_out) < MAX_KINDS:
                self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return False
        if left_out := self._left_out.pop(kind, 0):
            record.msg = f"{record.msg} ({left_out} more were left out)"
        return True
