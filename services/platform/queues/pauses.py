"""Keeping the consumers of a process in line with what operators have paused.

Until the store has been read once, nothing is consumed: a restart must not undo a pause.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from services.platform.observability.log_events import EVENT_BUS_PAUSES_CHANGED
from services.platform.queues.ports import Pausable, PauseStore
from services.platform.runtime.watched_value import POLL_EVERY_S, WatchedValue

__all__ = ["Pauses"]

PAUSE_WAIT_S = 5.0
"""An answer to a pause waits this long for receives under way. Those wait for messages for two
seconds and then end; on a bus that hangs the pause comes later than the answer."""

_log = structlog.get_logger()


class Pauses(WatchedValue[frozenset[str]]):
    """Applies the store's pauses to the consumers that it governs."""

    def __init__(self, store: PauseStore, *, poll_every_s: float = POLL_EVERY_S) -> None:
        super().__init__("queue-pauses", store.load, self._apply_all, poll_every_s=poll_every_s)
        self._store = store
        self._consumers: dict[str, Pausable] = {}

    def govern(self, name: str, consumer: Pausable) -> None:
        """Pause and resume the consumer of this subscription from now on."""
        self._consumers[name] = consumer
        self._apply(name, consumer)

    def is_paused(self, name: str) -> bool | None:
        """Whether a subscription of any service is paused; None while that was never read."""
        return None if self.value is None else name in self.value

    def taking_nothing(self) -> dict[str, bool]:
        """Give each subscription that is consumed here, and whether nothing is taken from it."""
        return {name: self._holds_back(name) for name in self._consumers}

    def failing(self) -> dict[str, bool]:
        """Give each subscription that is consumed here, and whether most of it fails."""
        return {name: consumer.fails for name, consumer in self._consumers.items()}

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """Pause or resume subscriptions of any service; raises `UnavailableError`.

        On return, that holds in this process (but see `PAUSE_WAIT_S`); others follow.
        """
        await self.change(lambda: self._store.set_paused(names, paused=paused))
        if not paused:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_WAIT_S):
                for name in self._consumers.keys() & names:
                    await self._consumers[name].quiet.wait()

    def _holds_back(self, name: str) -> bool:
        return self.value is None or name in self.value

    def _apply(self, name: str, consumer: Pausable) -> None:
        if self._holds_back(name):
            consumer.pause()
        else:
            consumer.resume()

    def _apply_all(self, paused: frozenset[str]) -> None:
        for name, consumer in self._consumers.items():
            self._apply(name, consumer)
        _log.info(EVENT_BUS_PAUSES_CHANGED, paused=sorted(paused))
