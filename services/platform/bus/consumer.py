"""The consumer: bounded concurrency, retry, dead letters and draining, over any bus engine."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from services.platform.bus.delivery_metrics import DeliveryMetrics, Ended, Outcome
from services.platform.bus.port import BusDriver, Message, PutBack, Received
from services.platform.errors import CallAgain, UnavailableError
from services.platform.observability.log_events import (
    EVENT_BUS_ACK_FAILED,
    EVENT_BUS_ATTEMPT_FAILED,
    EVENT_BUS_CALL_AGAIN,
    EVENT_BUS_DEAD_LETTER,
    EVENT_BUS_RECEIVE_FAILED,
    EVENT_BUS_RECEIVE_RECOVERED,
    EVENT_BUS_SETTLE_FAILED,
)
from services.platform.runtime.background import IDLE_S, Background
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.ending import GRACE_S
from services.platform.runtime.retry_policy import Backoff, RetryPolicy

__all__ = ["Consumer", "Handler"]

Handler = Callable[[Message, int], Awaitable[None]]
"""Handles one message, given its attempt number; an exception brings the message again, later.

`CallAgain` asks for that, and says when. `UnavailableError` means that something else is out of
order: again for as long as that takes. Any other exception is a failed attempt, and after the
policy's most of them comes the dead letter.

It must cope with seeing a message twice, and end well within the engine's visibility time.
"""

WAIT_S = 1.0
"""Wait of one receive; also about the longest that a pause or a stop takes to be noticed."""
MAX_BATCH = 100
"""Messages per receive: enough to hide a round trip, few enough to share between replicas."""
YIELD_MAX_S = 5.0
"""A delivery waits no longer than this for whom it yields to: others are given it after 10 s."""
DRAIN_S = GRACE_S
"""A stop waits this long for handlers, then cancels them: their messages come again elsewhere."""
ACK_ATTEMPTS = 5
"""Tries of one ack. Giving up is safe: the messages come again."""
UNENDED_FACTOR = 2
"""An attempt above the policy's most has seen no error of its own: whoever had the message died, or
was too slow, each time. In an outage, a deployment or a crash loop of others that may be no fault
of the message, so it is tried as often again (and any error but an outage ends it at once) before
it is given up for killing its workers. Outages themselves never count as attempts."""
REASON_MAX_BYTES = 500
"""A dead letter's reason is for people, and engines bound attribute values (Pub/Sub: 1 024)."""

_BUS_BACKOFF = Backoff(base_s=0.1, cap_s=5.0)
_log = structlog.get_logger(__name__)


class Consumer:
    """Runs `handler` on every message of one subscription until stopped.

    At most `concurrency` messages are in hand. With `yield_to`, nothing new is begun while that
    consumer has deliveries in hand: strict priority, so the other's work may starve this one's.
    `yields` says, before each batch, whether that holds.
    """

    def __init__(  # noqa: PLR0913 - one value each, all named by the caller
        self,
        driver: BusDriver,
        subscription: str,
        handler: Handler,
        *,
        policy: RetryPolicy,
        concurrency: int,
        rng: random.Random,
        yield_to: "Consumer | None" = None,
        yields: Callable[[], bool] = lambda: True,
        delivery_metrics: DeliveryMetrics | None = None,
    ) -> None:
        self._driver = driver
        self._subscription = subscription
        self._handler = handler
        self._policy = policy
        self._concurrency = concurrency
        self._rng = rng
        self._yield_to = yield_to
        self._yields = yields
        self._metrics = delivery_metrics or DeliveryMetrics(subscription, SystemClock())
        self._log = _log.bind(subscription=subscription)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._handled: list[tuple[Received, asyncio.Future[None]]] = []
        self._failures = 0
        self._receiving = Background(f"bus-receive-{subscription}", self._receive_once)
        self._acking = Background(f"bus-ack-{subscription}", self._ack_waiting)
        self._stopping = asyncio.Event()
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._room = asyncio.Event()
        self._room.set()
        self.idle = asyncio.Event()
        """Set while nothing is in hand; for waiting only."""
        self.idle.set()
        self.quiet = asyncio.Event()
        """Set while no receive is under way; for waiting only. Once paused, it stays set."""
        self.quiet.set()
        self._to_ack = asyncio.Event()

    async def start(self) -> None:
        """Begin to receive; once per consumer."""
        self._receiving.start()
        self._acking.start()

    def holds(self) -> bool:
        """Whether it goes on receiving and acking, if it has begun."""
        return self._receiving.holds() and self._acking.holds()

    async def stop(self) -> None:
        """Receive nothing more, finish and ack what is in hand, then return."""
        self._stopping.set()
        # Never cancelled: what the engine has just given would be lost to others for a while.
        await self._receiving.finish()
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._acking.stop()

    def pause(self) -> None:
        """Receive nothing more until resumed; what is in hand goes on."""
        self._resumed.clear()

    def resume(self) -> None:
        """Undo a pause."""
        self._resumed.set()

    async def _receive_once(self) -> None:
        if not await self._may_receive():
            return
        self.quiet.clear()
        try:
            self._failures = await self._receive(self._failures)
        finally:
            self.quiet.set()
        if self._failures:
            await self._or_stop(asyncio.Event(), _BUS_BACKOFF.delay_s(self._failures, self._rng))

    async def _may_receive(self) -> bool:
        """Wait for a while until nothing is against it; give whether that is so."""
        await self._or_stop(self._resumed, IDLE_S)
        if not self._resumed.is_set():
            return False
        # For as long as it takes: handlers that never end are a fault, and to be seen as one.
        await self._or_stop(self._room)
        if self._yield_to is not None and self._yields():
            came = await self._or_stop(self._yield_to.idle, IDLE_S)
            if not came:
                return False
        # It may have been paused while it waited for something else.
        return self._resumed.is_set() and not self._stopping.is_set()

    async def _receive(self, failures: int) -> int:
        """Take one batch in hand; give the failures in a row so far."""
        try:
            batch = await self._driver.receive(
                self._subscription,
                max_messages=min(MAX_BATCH, self._concurrency - len(self._in_hand)),
                wait_s=WAIT_S,
            )
        except Exception as error:  # noqa: BLE001 - nobody would restart this loop
            self._log.warning(
                EVENT_BUS_RECEIVE_FAILED,
                failures=failures + 1,
                exc_info=None if isinstance(error, UnavailableError) else error,
            )
            return failures + 1
        if failures:
            self._log.info(EVENT_BUS_RECEIVE_RECOVERED, failures=failures)
        if batch and self._yield_to is not None and self._yields():
            await self._or_stop(self._yield_to.idle, YIELD_MAX_S)
        for received in batch:
            self._take_in_hand(received)
        return 0

    def _take_in_hand(self, received: Received) -> None:
        task = asyncio.create_task(self._handle(received))
        self._in_hand.add(task)
        self.idle.clear()
        if len(self._in_hand) >= self._concurrency:
            self._room.clear()
        task.add_done_callback(self._settled)

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._room.set()
        if not self._in_hand:
            self.idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only the bus fails here; the visibility time brings the message again.
            self._log.warning(
                EVENT_BUS_SETTLE_FAILED,
                error=type(error).__name__,
                exc_info=None if isinstance(error, UnavailableError) else error,
            )

    async def _handle(self, received: Received) -> None:
        ended = self._metrics.begin(received)
        if received.unreadable is not None:
            await self._give_up(received, received.unreadable, ended)
            return
        if received.attempt > UNENDED_FACTOR * self._policy.max_attempts:
            await self._give_up(received, "no attempt came to an end", ended)
            return
        try:
            await self._handler(received.message, received.attempt)
        except CallAgain as asked:
            await self._put_back(received, asked, ended)
            return
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            await self._failed(received, error, ended)
            return
        ended(Outcome.ACKED)
        acked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handled.append((received, acked))
        self._to_ack.set()
        await acked

    async def _put_back(self, received: Received, asked: CallAgain, ended: Ended) -> None:
        ended(Outcome.CALLED_AGAIN)
        self._log.info(EVENT_BUS_CALL_AGAIN, reason=str(asked), delay_s=round(asked.after_s, 3))
        await self._driver.delay(self._subscription, received, asked.after_s, PutBack.ASKED)

    async def _failed(self, received: Received, error: Exception, ended: Ended) -> None:
        outage = isinstance(error, UnavailableError)
        if not outage and received.attempt >= self._policy.max_attempts:
            await self._give_up(received, f"{type(error).__name__}: {error}", ended)
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
        why = PutBack.OUTAGE if outage else PutBack.FAILED
        await self._driver.delay(self._subscription, received, delay_s, why)

    async def _give_up(self, received: Received, reason: str, ended: Ended) -> None:
        ended(Outcome.DEAD_LETTERED)
        self._log.error(
            EVENT_BUS_DEAD_LETTER, attempt=received.attempt, unreadable=received.unreadable
        )
        # It may quote what cannot be encoded, and then would fail whoever writes it down.
        encoded = reason.encode(errors="backslashreplace")[:REASON_MAX_BYTES]
        reason = encoded.decode(errors="ignore")
        await self._driver.dead_letter(self._subscription, received, reason)

    async def _ack_waiting(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._to_ack.wait()
        except TimeoutError:
            return
        self._to_ack.clear()
        # All that ended while the last ack was under way go in one.
        batch, self._handled = self._handled, []
        try:
            await self._ack([received for received, _ in batch])
        finally:
            for _, acked in batch:
                if not acked.done():
                    acked.set_result(None)

    async def _ack(self, batch: list[Received]) -> None:
        for attempt in range(1, ACK_ATTEMPTS + 1):
            try:
                await self._driver.ack(self._subscription, batch)
            except Exception as error:  # noqa: BLE001 - nobody would restart this loop
                self._log.warning(EVENT_BUS_ACK_FAILED, attempt=attempt, error=type(error).__name__)
                await self._or_stop(asyncio.Event(), _BUS_BACKOFF.delay_s(attempt, self._rng))
            else:
                return

    async def _or_stop(self, event: asyncio.Event, timeout_s: float | None = None) -> bool:
        """Wait for `event`, a stop or the timeout; give whether the event was the first."""
        if event.is_set() or self._stopping.is_set():
            return event.is_set()
        waits = [asyncio.create_task(each.wait()) for each in (event, self._stopping)]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].done()
        finally:
            for wait in waits:
                wait.cancel()
