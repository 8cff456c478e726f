"""Noticing that the machine's clock was set while the process runs."""

import time
from collections.abc import Callable

from services.platform.errors import UnavailableError
from services.platform.runtime.clock import MAX_CLOCK_STEP_MS, Clock

__all__ = ["CheckedClock", "since_boot_ms", "span"]

_NS_PER_MS = 1_000_000
_MS_PER_S = 1_000
_S_PER_HOUR = 3_600


def since_boot_ms() -> int:
    """Milliseconds since the machine was started, which no setting of the clock changes.

    On Linux the time for which the machine was suspended counts: to wake up is no step.
    """
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(which) // _NS_PER_MS


class CheckedClock:
    """A `Clock` that refuses to answer while it is `MAX_CLOCK_STEP_MS` off from when it was made.

    For what a wild time would spoil for good. A restart takes the clock for right anew.
    """

    def __init__(self, clock: Clock, steady_ms: Callable[[], int] = since_boot_ms) -> None:
        self._clock = clock
        self._steady_ms = steady_ms
        self._origin_ms = clock.now_ms() - steady_ms()

    def holds(self) -> bool:
        """Whether `now_ms` answers."""
        return abs(self._stepped_ms(self._clock.now_ms())) <= MAX_CLOCK_STEP_MS

    def now_ms(self) -> int:
        """Give Unix milliseconds; raises `UnavailableError` after too large a step."""
        now_ms = self._clock.now_ms()
        stepped_ms = self._stepped_ms(now_ms)
        if abs(stepped_ms) > MAX_CLOCK_STEP_MS:
            way = "ahead" if stepped_ms > 0 else "back"
            raise UnavailableError(
                f"the clock was set {way} by {span(abs(stepped_ms))}: set it right, or restart "
                "if it is right now"
            )
        return now_ms

    def _stepped_ms(self, now_ms: int) -> int:
        return now_ms - self._steady_ms() - self._origin_ms


def span(ms: int) -> str:
    """Say a span of time so that a reader sees its size: seconds, or hours once it has them."""
    seconds = ms / _MS_PER_S
    return f"{seconds:.3g} s" if seconds < _S_PER_HOUR else f"{seconds / _S_PER_HOUR:,.1f} h"
