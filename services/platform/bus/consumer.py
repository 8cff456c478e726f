"""The consumer: bounded concurrency, retry, dead letters and draining, over any bus engine."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from services.platform.bus.delivery_metrics import DeliveryMetrics, Outcome
from services.platform.bus.port import BusDriver, Message, Received
from services.platform.bus.receiving import MAX_BATCH, Receiving
from services.platform.bus.settlement import Settlement
from services.platform.runtime.background import IDLE_S, Background
from services.platform.runtime.retry_policy import RetryPolicy

__all__ = ["Consumer", "Handler"]

Handler = Callable[[Message, int], Awaitable[None]]
"""Handles one message, given its attempt number; an exception brings the message again, later.

`CallAgain` asks for that, and says when. `UnavailableError` means that something else is out of
order: again for as long as that takes. Any other exception is a failed attempt, and after the
policy's most of them comes the dead letter.

It must cope with seeing a message twice, and end well within the engine's visibility time.
"""


class Consumer(Receiving):
    """Runs `handler` on every message of one subscription until stopped.

    At most `concurrency` messages are in hand. For `yield_to` and `yields` see `Receiving`.
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
        yield_to: Receiving | None = None,
        yields: Callable[[], bool] = lambda: True,
        delivery_metrics: DeliveryMetrics | None = None,
    ) -> None:
        super().__init__(
            driver,
            subscription,
            settlement=Settlement(driver, subscription, policy, rng, delivery_metrics),
            most_tasks=concurrency,
            rng=rng,
            yield_to=yield_to,
            yields=yields,
        )
        self._handler = handler
        self._handled: list[tuple[Received, asyncio.Future[None]]] = []
        self._acking = Background(f"bus-ack-{subscription}", self._ack_waiting)
        self._to_ack = asyncio.Event()

    async def start(self) -> None:
        """Begin to receive; once per consumer."""
        await super().start()
        self._acking.start()

    def holds(self) -> bool:
        """Whether it goes on receiving and acking, if it has begun."""
        return super().holds() and self._acking.holds()

    async def stop(self) -> None:
        """Receive nothing more, finish and ack what is in hand, then return."""
        await super().stop()
        await self._acking.stop()

    def _wanted(self) -> int:
        return min(MAX_BATCH, self._most_tasks - len(self._in_hand))

    def _take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            self._begin(self._handle(received))

    async def _handle(self, received: Received) -> None:
        ended = self._settlement.begin(received)
        if (why := self._settlement.hopeless(received)) is not None:
            await self._settlement.end_unhandled(received, why, ended)
            return
        try:
            await self._handler(received.message, received.attempt)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            await self._settlement.raised(received, error, ended)
            return
        ended(Outcome.ACKED)
        acked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handled.append((received, acked))
        self._to_ack.set()
        await acked

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
            await self._settlement.ack([received for received, _ in batch])
        finally:
            for _, acked in batch:
                if not acked.done():
                    acked.set_result(None)
