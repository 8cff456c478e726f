"""What erasing a deleted account asks of every service that kept something of it.

The bus says that something is gone; its owner is asked before anything is erased for it. A message
is no proof: whoever can write to the bus can make one up, and what was erased does not come back.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError
from services.platform.observability.log_events import EVENT_ERASURE_REFUSED
from services.platform.runtime.clock import Clock

__all__ = ["WORK_S", "Settling", "require_gone"]

WORK_S: Final = 5.0
"""Seconds of work in one delivery: well within the time after which the bus would give the message
to somebody else, which is 10 s at the least."""
MAX_SUBJECTS = 10_000
"""Events remembered, about 1 MB; one that is forgotten takes its time anew."""
_MS_PER_S = 1_000

_log = structlog.get_logger()


def require_gone(kind: str, number: int, *, lives: bool) -> None:
    """Raise `FailedPreconditionError` (`STILL_THERE`), loudly, if the owner says that it `lives`.

    `kind` is `user` or `tweet`. The message is then tried again, and at last a dead letter: an
    operator decides.
    """
    if lives:
        _log.error(EVENT_ERASURE_REFUSED, kind=kind, id=number)
        raise FailedPreconditionError(
            f"{kind} {number} is said to be deleted, and is there",
            reason=Reason.STILL_THERE,
            metadata={f"{kind}_id": str(number)},
        )


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
