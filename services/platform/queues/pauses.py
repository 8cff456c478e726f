"""Keeping the consumers of a process in line with what operators have paused.

Every process that consumes polls the store, so a change reaches all of them, and those that start
later. Until the store has been read once, nothing is consumed: a restart must not undo a pause.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from services.platform.observability.names import EVENT_BUS_PAUSES_CHANGED
from services.platform.queues.ports import Pausable, PauseStore
from services.platform.runtime.background import Background

__all__ = ["Pauses"]

POLL_EVERY_S = 1.0
"""How late a process learns of a change made through another; each look is the read of one row."""
PAUSE_WAIT_S = 3.0
"""An answer to a pause waits this long for receives under way. Those wait for messages for a second
and then end; on a bus that hangs the pause comes later than the answer."""

_log = structlog.get_logger()


class Pauses:
    """Applies the store's pauses to the consumers that it governs.

    While the store is gone, what was known last stays in force.
    """

    def __init__(self, store: PauseStore, *, poll_every_s: float = POLL_EVERY_S) -> None:
        self._store = store
        self._consumers: dict[str, Pausable] = {}
        self._paused: frozenset[str] | None = None
        # A poll that read before a change must not be applied after it.
        self._turn = asyncio.Lock()
        self._polling = Background("queue-pauses", self._poll, every_s=poll_every_s)

    def govern(self, name: str, consumer: Pausable) -> None:
        """Pause and resume the consumer of this subscription from now on."""
        self._consumers[name] = consumer
        self._apply(name, consumer)

    async def start(self) -> None:
        """Begin to poll."""
        self._polling.start()

    async def stop(self) -> None:
        """Poll no more; every consumer stays as it is."""
        await self._polling.stop()

    def holds(self) -> bool:
        """Whether it goes on polling."""
        return self._polling.holds()

    def is_paused(self, name: str) -> bool | None:
        """Whether a subscription of any service is paused; None while that was never read."""
        return None if self._paused is None else name in self._paused

    def taking_nothing(self) -> dict[str, bool]:
        """Give each subscription that is consumed here, and whether nothing is taken from it."""
        return {name: self._holds_back(name) for name in self._consumers}

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """Pause or resume subscriptions of any service; raises `UnavailableError`.

        On return, that holds in this process (but see `PAUSE_WAIT_S`); others follow.
        """
        async with self._turn:
            await self._store.set_paused(names, paused=paused)
            await self._refresh()
        if not paused:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_WAIT_S):
                for name in self._consumers.keys() & names:
                    await self._consumers[name].quiet.wait()

    def _holds_back(self, name: str) -> bool:
        return self._paused is None or name in self._paused

    def _apply(self, name: str, consumer: Pausable) -> None:
        if self._holds_back(name):
            consumer.pause()
        else:
            consumer.resume()

    async def _poll(self) -> None:
        async with self._turn:
            await self._refresh()

    async def _refresh(self) -> None:
        paused = await self._store.load()
        if paused == self._paused:
            return
        self._paused = paused
        for name, consumer in self._consumers.items():
            self._apply(name, consumer)
        _log.info(EVENT_BUS_PAUSES_CHANGED, paused=sorted(paused))
