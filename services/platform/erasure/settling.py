"""Waiting until enough time has passed since an event that somebody else dated."""

import time
from collections.abc import Callable

from services.platform.runtime.clock import Clock

__all__ = ["Settling"]

MAX_SUBJECTS = 10_000
"""Events remembered, about 1 MB; one that is forgotten takes its time anew."""
_MS_PER_S = 1_000


class Settling:
    """Says how long to wait until an event is `span_ms` old.

    By its date or, whatever the clocks say, by the time since this process heard of it first: so an
    event dated ahead by a wrong clock is waited for no longer than any other.
    """

    def __init__(
        self, span_ms: int, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._span_ms = span_ms
        self._clock = clock
        self._monotonic = monotonic
        self._heard_s: dict[int, float] = {}

    def left_ms(self, subject: int, at_ms: int) -> int:
        """Give the milliseconds to wait for the event of `subject`, dated `at_ms`; 0 for none."""
        now_s, age_ms = self._monotonic(), self._clock.now_ms() - at_ms
        heard_s = self._heard_s.get(subject, now_s)
        left_ms = self._span_ms - max(age_ms, round((now_s - heard_s) * _MS_PER_S))
        if left_ms <= 0:
            # Remembered all the same: whoever asks again must not begin to wait anew.
            return 0
        if subject not in self._heard_s and len(self._heard_s) >= MAX_SUBJECTS:
            del self._heard_s[next(iter(self._heard_s))]
        self._heard_s[subject] = heard_s
        return left_ms
