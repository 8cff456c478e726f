"""What every consumer does, however it handles what it gets: receive, pause, yield, drain."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import structlog

from services.platform.bus.giving_up import LOOK_EVERY_S, MOST_AT_A_LOOK
from services.platform.bus.port import BusDriver, Received
from services.platform.bus.settlement import BUS_BACKOFF, Settlement
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import (
    EVENT_BUS_RECEIVE_FAILED,
    EVENT_BUS_RECEIVE_RECOVERED,
    EVENT_BUS_SETTLE_FAILED,
)
from services.platform.runtime.background import IDLE_S, Background
from services.platform.runtime.ending import GRACE_S

__all__ = ["MAX_BATCH", "Receiving"]

WAIT_S = 2.0
"""Wait of one receive; also about the longest that a pause or a stop takes to be noticed. One that
stays empty costs a call: for Pub/Sub some ms of CPU, for each subscription."""
MAX_BATCH = 100
"""Messages per receive: enough to hide a round trip, few enough to share between replicas."""
YIELD_MAX_S = 5.0
"""A delivery waits no longer than this for whom it yields to: others are given it after 10 s."""
DRAIN_S = GRACE_S
"""A stop waits this long for handlers, then cancels them: their messages come again elsewhere."""

_log = structlog.get_logger(__name__)


class Receiving(ABC):
    """Receives from one subscription until stopped, with at most `most_tasks` tasks in hand.

    With `yield_to`, nothing new is begun while that consumer has deliveries in hand: strict
    priority, so the other's work may starve this one's. `yields` says, before each batch, whether
    that holds.
    """

    def __init__(  # noqa: PLR0913 - one value each, all named by the caller
        self,
        driver: BusDriver,
        subscription: str,
        *,
        settlement: Settlement,
        most_tasks: int,
        rng: random.Random,
        yield_to: "Receiving | None",
        yields: Callable[[], bool],
    ) -> None:
        self._driver = driver
        self._subscription = subscription
        self._settlement = settlement
        self._most_tasks = most_tasks
        self._rng = rng
        self._yield_to = yield_to
        self._yields = yields
        self._log = _log.bind(subscription=subscription)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._receiving = Background(f"bus-receive-{subscription}", self._receive_once)
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

    @property
    def fails(self) -> bool:
        """Whether most of what it has handled last failed, so that it takes little."""
        return self._settlement.fails

    @abstractmethod
    def _wanted(self) -> int:
        """How many messages to receive at most, while there is room."""

    @abstractmethod
    def _take(self, batch: Sequence[Received]) -> None:
        """Handle what was received, in tasks that `_begin` starts."""

    async def start(self) -> None:
        """Begin to receive; once per consumer."""
        self._receiving.start()

    def holds(self) -> bool:
        """Whether it goes on receiving, if it has begun."""
        return self._receiving.holds()

    async def stop(self) -> None:
        """Receive nothing more, finish and ack what is in hand, then return."""
        self._stopping.set()
        # Whoever waits for these finds that it is to stop.
        self._resumed.set()
        self._room.set()
        # Never cancelled: what the engine has just given would be lost to others for a while.
        await self._receiving.finish()
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def pause(self) -> None:
        """Receive nothing more until resumed; what is in hand goes on."""
        if not self._stopping.is_set():
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
            await self._or_stop(asyncio.Event(), BUS_BACKOFF.delay_s(self._failures, self._rng))

    async def _may_receive(self) -> bool:
        """Wait for a while until nothing is against it; give whether that is so."""
        if not self._resumed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._resumed.wait()
        if not self._resumed.is_set():
            return False
        # For as long as it takes: handlers that never end are a fault, and to be seen as one.
        await self._room.wait()
        if self._yield_to is not None and self._yields():
            came = await self._or_stop(self._yield_to.idle, IDLE_S)
            if not came:
                return False
        if self.fails:
            await self._or_stop(asyncio.Event(), LOOK_EVERY_S)
        # It may have been paused while it waited for something else.
        return self._resumed.is_set() and not self._stopping.is_set()

    async def _receive(self, failures: int) -> int:
        """Take one batch in hand; give the failures in a row so far."""
        wanted = min(self._wanted(), MOST_AT_A_LOOK) if self.fails else self._wanted()
        try:
            batch = await self._driver.receive(
                self._subscription, max_messages=wanted, wait_s=WAIT_S
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
        if batch:
            self._take(batch)
        return 0

    def _begin(self, handling: Coroutine[Any, Any, None]) -> None:
        """Have a task of it in hand until it ends."""
        task = asyncio.create_task(handling)
        self._in_hand.add(task)
        self.idle.clear()
        if len(self._in_hand) >= self._most_tasks and not self._stopping.is_set():
            self._room.clear()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._room.set()
        if not self._in_hand:
            self.idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._not_settled(error)

    def _not_settled(self, error: BaseException) -> None:
        # Only the bus fails here; the visibility time brings the message again.
        self._log.warning(
            EVENT_BUS_SETTLE_FAILED,
            error=type(error).__name__,
            exc_info=None if isinstance(error, UnavailableError) else error,
        )

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
