"""How deliveries end: acked, put back, or given up as dead letters."""

import asyncio
import random
from collections.abc import Sequence

import structlog

from services.platform.bus.delivery_metrics import DeliveryMetrics, Ended, Outcome
from services.platform.bus.giving_up import HELD_S, GivingUp
from services.platform.bus.port import BusDriver, PutBack, Received
from services.platform.errors import CallAgain, UnavailableError
from services.platform.observability.log_events import (
    EVENT_BUS_ACK_FAILED,
    EVENT_BUS_ATTEMPT_FAILED,
    EVENT_BUS_CALL_AGAIN,
    EVENT_BUS_CONSUMER_FAILS,
    EVENT_BUS_CONSUMER_RECOVERED,
    EVENT_BUS_DEAD_LETTER,
)
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.retry_policy import Backoff, RetryPolicy

__all__ = ["BUS_BACKOFF", "Settlement"]

BUS_BACKOFF = Backoff(base_s=0.1, cap_s=5.0)
ACK_ATTEMPTS = 5
"""Tries of one ack. Giving up is safe: the messages come again."""
UNENDED_FACTOR = 2
"""An attempt above the policy's most has seen no error of its own: whoever had the message died, or
was too slow, each time. In an outage, a deployment or a crash loop of others that may be no fault
of the message, so it is tried as often again (and any error but an outage ends it at once) before
it is given up for killing its workers. Outages themselves never count as attempts."""
REASON_MAX_BYTES = 500
"""A dead letter's reason is for people, and engines bound attribute values (Pub/Sub: 1 024)."""

_TELLING = {Outcome.ACKED, Outcome.RETRIED}
"""What says something of whoever handles; of one that is given up, the attempts before did."""

_log = structlog.get_logger(__name__)


class Settlement:
    """Settles the deliveries of one subscription; every method raises as the driver does."""

    def __init__(
        self,
        driver: BusDriver,
        subscription: str,
        policy: RetryPolicy,
        rng: random.Random,
        metrics: DeliveryMetrics | None = None,
    ) -> None:
        self._driver = driver
        self._subscription = subscription
        self._policy = policy
        self._rng = rng
        self._metrics = metrics or DeliveryMetrics(subscription, SystemClock())
        self._giving_up = GivingUp()
        self._was_failing = False
        self._log = _log.bind(subscription=subscription)

    @property
    def fails(self) -> bool:
        """Whether most of what this process has handled last failed: then it should take little."""
        return self._giving_up.most_fail

    def begin(self, received: Received) -> Ended:
        """Begin to time an attempt; see `DeliveryMetrics`."""
        ended = self._metrics.begin(received)

        def noted(outcome: Outcome) -> None:
            ended(outcome)
            if outcome in _TELLING:
                self._note(received, failed=outcome is not Outcome.ACKED)

        return noted

    def _note(self, received: Received, *, failed: bool) -> None:
        self._giving_up.ended(received.message, failed=failed)
        if self.fails == self._was_failing:
            return
        self._was_failing = not self._was_failing
        if self._was_failing:
            self._log.error(EVENT_BUS_CONSUMER_FAILS)
        else:
            self._log.info(EVENT_BUS_CONSUMER_RECOVERED)

    def hopeless(self, received: Received) -> str | None:
        """Why no handler is to see it; None where one is."""
        if received.unreadable is not None:
            return received.unreadable
        if received.attempt > UNENDED_FACTOR * self._policy.max_attempts:
            return "no attempt came to an end"
        return None

    async def raised(self, received: Received, error: Exception, ended: Ended) -> None:
        """Settle what a handler raised an error for."""
        if isinstance(error, CallAgain):
            await self.put_back(received, error, ended)
        else:
            await self._failed(received, error, ended)

    async def put_back(self, received: Received, asked: CallAgain, ended: Ended) -> None:
        """Have it again when that was asked for; no attempt was counted."""
        ended(Outcome.CALLED_AGAIN)
        self._log.info(EVENT_BUS_CALL_AGAIN, reason=str(asked), delay_s=round(asked.after_s, 3))
        await self._driver.delay(self._subscription, received, asked.after_s, PutBack.ASKED)

    async def end_unhandled(self, received: Received, reason: str, ended: Ended) -> None:
        """Give up what is `hopeless`, unless it may be its consumers that die of everything."""
        if received.unreadable is not None or self._giving_up.may_one():
            await self.give_up(received, reason, ended)
            return
        ended(Outcome.HELD)
        await self._driver.delay(self._subscription, received, HELD_S, PutBack.ASKED)

    async def give_up(self, received: Received, reason: str, ended: Ended) -> None:
        """Make a dead letter of it."""
        ended(Outcome.DEAD_LETTERED)
        self._log.error(
            EVENT_BUS_DEAD_LETTER, attempt=received.attempt, unreadable=received.unreadable
        )
        # It may quote what cannot be encoded, and then would fail whoever writes it down.
        encoded = reason.encode(errors="backslashreplace")[:REASON_MAX_BYTES]
        reason = encoded.decode(errors="ignore")
        await self._driver.dead_letter(self._subscription, received, reason)

    async def ack(self, batch: Sequence[Received]) -> None:
        """Ack all of these in one call, tried a few times; raises nothing."""
        for attempt in range(1, ACK_ATTEMPTS + 1):
            try:
                await self._driver.ack(self._subscription, batch)
            except Exception as error:  # noqa: BLE001 - the messages come again
                self._log.warning(EVENT_BUS_ACK_FAILED, attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(BUS_BACKOFF.delay_s(attempt, self._rng))
            else:
                return

    async def _failed(self, received: Received, error: Exception, ended: Ended) -> None:
        outage = isinstance(error, UnavailableError)
        is_last = not outage and received.attempt >= self._policy.max_attempts
        if is_last and self._giving_up.may():
            await self.give_up(received, f"{type(error).__name__}: {error}", ended)
            return
        ended(Outcome.OUTAGE if outage else Outcome.RETRIED)
        # Outages lengthen the wait as attempts do, though they are none.
        delay_s = self._policy.delay_s(received.attempt + received.outages, self._rng)
        if isinstance(error, UnavailableError):
            delay_s = min(max(delay_s, error.retry_after_s), self._policy.cap_s)
        self._log.info(
            EVENT_BUS_ATTEMPT_FAILED,
            attempt=received.attempt,
            outages=received.outages,
            error=type(error).__name__,
            delay_s=round(delay_s, 3),
        )
        # The last attempt is kept for whoever is in order.
        why = PutBack.OUTAGE if outage or is_last else PutBack.FAILED
        await self._driver.delay(self._subscription, received, delay_s, why)
