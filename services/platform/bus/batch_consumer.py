"""A consumer whose handler takes all that has come at once: one call, and one ack, for many.

What makes a message cheap is that nothing is done for it alone as long as all goes well: there is
no task, no future and no round trip for each. What fails is divided until the faulty one is found.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.platform.bus.delivery_metrics import DeliveryMetrics, Ended, Outcome
from services.platform.bus.port import BusDriver, Received
from services.platform.bus.receiving import MAX_BATCH, Receiving
from services.platform.bus.settlement import Settlement
from services.platform.errors import CallAgain, UnavailableError
from services.platform.runtime.pace import Pace, happens_within
from services.platform.runtime.retry_policy import RetryPolicy

__all__ = ["GATHERED", "BatchConsumer", "BatchHandler", "Batches"]

BatchHandler = Callable[[Sequence[Received]], Awaitable[None]]
"""Handles deliveries together, one at least; an exception brings messages again.

`UnavailableError` means that something else is out of order: all come again, for as long as that
takes. After any other exception the handler is called again with each half, so that in the end one
that is faulty is alone, and only it counts a failed attempt (or, for `CallAgain`, comes again).

It must cope with seeing messages twice, and end well within the engine's visibility time.
"""

RETRIED_AT_ONCE = 10
"""Messages that come again are handled by so many: one that has something else fail each time, and
so is taken for an outage, holds up few others and none that is new."""
DIVIDING_MAX_S = 4.0
"""A batch is divided for so long; what is left then comes again, and nothing of it counts. It comes
in batches of half the size, so that dividing ends. Well below the visibility time (10 s at the
least)."""
LEFT_AGAIN_S = 0.1
"""Pause before what was left comes again, in seconds: others get their turn first."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How batches are made."""

    most: int = MAX_BATCH
    """Messages of one."""
    every_s: float = 0.1
    """Between the beginnings of two receives while few messages come, in seconds; 0 where readers
    wait for them. What a receive, a handler's calls and an ack cost is paid once for what came."""


GATHERED = Batches()
_Begun = tuple[Received, Ended]


class BatchConsumer(Receiving):
    """Runs `handler` on batches of one subscription until stopped, one after the other.

    A batch is whatever has arrived while the one before was in hand, or since the last receive
    began, as `batches` says. After a batch that was half full the next is received at once, and
    a message that comes after a longer rest waits for nothing. For `yield_to` and `yields` see
    `Receiving`.
    """

    def __init__(  # noqa: PLR0913 - one value each, all named by the caller
        self,
        driver: BusDriver,
        subscription: str,
        handler: BatchHandler,
        *,
        policy: RetryPolicy,
        rng: random.Random,
        batches: Batches = GATHERED,
        yield_to: Receiving | None = None,
        yields: Callable[[], bool] = lambda: True,
        delivery_metrics: DeliveryMetrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            driver,
            subscription,
            settlement=Settlement(driver, subscription, policy, rng, delivery_metrics),
            most_tasks=1,
            rng=rng,
            yield_to=yield_to,
            yields=yields,
        )
        self._handler = handler
        self._most = batches.most
        self._size = batches.most
        self._pace = Pace(
            batches.every_s, sleep=lambda wait_s: happens_within(wait_s, self._stopping)
        )
        self._gathers = batches.every_s > 0
        self._is_busy = False
        self._monotonic = monotonic

    def _wanted(self) -> int:
        return self._size

    async def _may_receive(self) -> bool:
        if self._gathers and not self._is_busy:
            await self._pace.wait()
        self._is_busy = False
        return await super()._may_receive()

    def _take(self, batch: Sequence[Received]) -> None:
        self._is_busy = 2 * len(batch) >= self._size
        self._begin(self._handle(batch))

    async def _handle(self, batch: Sequence[Received]) -> None:
        until_s = self._monotonic() + DIVIDING_MAX_S
        new: list[_Begun] = []
        again: list[_Begun] = []
        for received in batch:
            ended = self._settlement.begin(received)
            if (why := self._settlement.hopeless(received)) is not None:
                await self._settled(self._settlement.end_unhandled(received, why, ended))
            elif received.attempt > 1 or received.outages:
                again.append((received, ended))
            else:
                new.append((received, ended))
        handled: list[Received] = []
        self._size = min(2 * self._size, self._most)
        try:
            await self._try(new, until_s, handled)
            for start in range(0, len(again), RETRIED_AT_ONCE):
                await self._try(again[start : start + RETRIED_AT_ONCE], until_s, handled)
            if self._monotonic() >= until_s:
                self._size = max(1, len(batch) // 2)
        finally:
            if handled:
                await self._settlement.ack(handled)

    async def _try(self, begun: Sequence[_Begun], until_s: float, handled: list[Received]) -> None:
        """Handle these together; what was handled is added to `handled`."""
        if not begun:
            return
        if self._monotonic() >= until_s:
            left = CallAgain("the batch took too long", after_s=LEFT_AGAIN_S)
            await self._raised(begun, left)
            return
        try:
            await self._handler([received for received, _ in begun])
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            if len(begun) == 1 or isinstance(error, UnavailableError):
                await self._raised(begun, error)
                return
        else:
            for received, ended in begun:
                ended(Outcome.ACKED)
                handled.append(received)
            return
        middle = len(begun) // 2
        await self._try(begun[:middle], until_s, handled)
        await self._try(begun[middle:], until_s, handled)

    async def _raised(self, begun: Sequence[_Begun], error: Exception) -> None:
        await self._settled(*(self._settlement.raised(each, error, ended) for each, ended in begun))

    async def _settled(self, *settling: Awaitable[None]) -> None:
        for result in await asyncio.gather(*settling, return_exceptions=True):
            if isinstance(result, BaseException):
                self._not_settled(result)
