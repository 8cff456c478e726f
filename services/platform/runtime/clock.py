"""Time, injected: services ask a `Clock`, tests hand in one they can move.

What lasts within one process is measured by `time.monotonic`. A `Clock` is for what others are to
know or what outlives the process, and whoever compares with it what was noted before reckons with
a clock that has been wrong in between (ADR 20).
"""

import time
from typing import Protocol

__all__ = ["CLOCK_SKEW_MS", "MAX_CLOCK_STEP_MS", "Clock", "SystemClock", "is_recent"]

CLOCK_SKEW_MS = 1_000
"""How far the clocks of two right machines may differ: far above what NTP leaves, and far below
what a person would call wrong."""

MAX_CLOCK_STEP_MS = 15 * 3_600_000
"""A clock may have been wrong by this much and go on being used: local time taken for UTC is 14 h
at most, daylight saving time one more. It must stay below the day by which readers rebuild their
timelines before retention takes anything from them."""


class Clock(Protocol):
    """Wall-clock time."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch. May go backwards, as wall clocks do."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000


def is_recent(at_ms: int, now_ms: int, span_ms: int) -> bool:
    """Whether something noted at `at_ms` is younger than `span_ms`, and not dated ahead by it.

    What is dated further ahead was noted by a clock that was wrong. It counts as old, or it would
    stay young until the time that it was dated.
    """
    return abs(now_ms - at_ms) < span_ms
