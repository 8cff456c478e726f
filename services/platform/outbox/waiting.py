"""How an outbox waits for a store and a bus that do not answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_OUTBOX_ATTEMPT_FAILED
from services.platform.runtime.retry_policy import Backoff

__all__ = ["until_done"]

BACKOFF = Backoff(base_s=0.1, cap_s=4.0)
"""Between tries to publish or settle; the cap is so low that a bus that is back is noticed soon."""

_log = structlog.get_logger()


async def until_done(
    attempt: Callable[[], Awaitable[object]],
    beat: Callable[[], None],
    jitter: random.Random,
    *,
    unless_refused: bool = False,
) -> None:
    """Attempt until it succeeds, with a beat before each try.

    With `unless_refused` only an `UnavailableError` is waited out, and any other is raised.
    """
    failures = 0
    while True:
        beat()
        try:
            await attempt()
        except Exception as error:
            if unless_refused and not isinstance(error, UnavailableError):
                raise
            _log.warning(EVENT_OUTBOX_ATTEMPT_FAILED, exc_info=True)
            failures += 1
            await asyncio.sleep(BACKOFF.delay_s(failures, jitter))
        else:
            return
