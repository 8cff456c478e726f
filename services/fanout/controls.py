"""What operators set while the fan-out runs: the celebrity threshold, and pauses.

Every process polls the store, so a change reaches all of them, and those that start later. Until
the store has been read once, nothing is consumed: a restart must not undo a pause.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from services.fanout.ports import ControlStore, Pausable, StoredControls
from services.fanout.spec import CELEBRITY_THRESHOLD
from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.observability.names import (
    EVENT_FANOUT_CONTROLS_CHANGED,
    EVENT_FANOUT_CONTROLS_STALE,
)
from services.platform.runtime.background import Background

__all__ = ["Controls", "FanoutControls", "StoredThreshold"]

POLL_EVERY_S = 1.0
"""How late a process learns of what another was told; each look is the read of one row."""
PAUSE_WAIT_S = 3.0
"""An answer to a pause waits this long for receives under way. Those wait for messages for a second
and then end; on a bus that hangs the pause comes later than the answer."""
MAX_THRESHOLD = CELEBRITY_THRESHOLD.most
"""Followers."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Controls:
    """What one process goes by."""

    threshold: int
    """Followers up to which a tweet is pushed."""
    default_threshold: int
    paused: Mapping[str, bool]
    """Each subscription that can be paused, and whether it is."""


class StoredThreshold:
    """A `Threshold`: what operators have set, else the flag, else the process's setting.

    An operator comes first: what somebody does by hand in an incident must hold.
    """

    def __init__(self, setting: int, flag: Callable[[], int | None] = lambda: None) -> None:
        self._setting = setting
        self._flag = flag
        self.stored: int | None = None

    @property
    def default(self) -> int:
        """What is in force when no operator has set anything."""
        flagged = self._flag()
        return self._setting if flagged is None else flagged

    @property
    def source(self) -> str:
        """What has set the threshold in force: operator, flag or setting."""
        if self.stored is not None:
            return "operator"
        return "setting" if self._flag() is None else "flag"

    def followers(self) -> int:
        """See `Threshold.followers`."""
        return self.default if self.stored is None else self.stored


class FanoutControls:
    """Applies what the store says to this process's threshold and consumers, all paused at first.

    While the store is gone, what was known last stays in force.
    """

    def __init__(
        self,
        store: ControlStore,
        threshold: StoredThreshold,
        consumers: Mapping[str, Pausable],
        *,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        self._store = store
        self._consumers = dict(consumers)
        self._threshold = threshold
        self._stored: StoredControls | None = None
        self._stale = False
        # A poll that read before a change must not be applied after it.
        self._turn = asyncio.Lock()
        self._polling = Background("fanout-controls", self._poll, every_s=poll_every_s)
        for consumer in self._consumers.values():
            consumer.pause()

    def start(self) -> None:
        """Begin to poll."""
        self._polling.start()

    async def stop(self) -> None:
        """Poll no more; everything stays as it is."""
        await self._polling.stop()

    def holds(self) -> bool:
        """Tell whether it goes on polling."""
        return self._polling.holds()

    def current(self) -> Controls:
        """Return what this process goes by now."""
        paused = self._paused()
        return Controls(
            self._threshold.followers(),
            self._threshold.default,
            {name: name in paused for name in self._consumers},
        )

    async def set_threshold(self, followers: int) -> Controls:
        """Push tweets of authors with up to this many; 0 goes back to the processes' settings."""
        if not 0 <= followers <= MAX_THRESHOLD:
            raise InvalidArgumentError(
                "followers", f"must be 1 to {MAX_THRESHOLD}, or 0 for the default, got {followers}"
            )
        async with self._turn:
            await self._store.set_threshold(followers or None)
            await self._refresh()
        return self.current()

    async def pause(self, names: Iterable[str]) -> Controls:
        """Take nothing more from these subscriptions; what is in hand goes on.

        On return, that holds in this process (but see `PAUSE_WAIT_S`); others follow.
        """
        wanted = self._known(names)
        async with self._turn:
            await self._store.set_paused(wanted, paused=True)
            await self._refresh()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_WAIT_S):
                for name in wanted:
                    await self._consumers[name].quiet.wait()
        return self.current()

    async def resume(self, names: Iterable[str]) -> Controls:
        """Undo pauses."""
        wanted = self._known(names)
        async with self._turn:
            await self._store.set_paused(wanted, paused=False)
            await self._refresh()
        return self.current()

    def _known(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            raise InvalidArgumentError("subscriptions", "must name one at least")
        for name in wanted:
            if name not in self._consumers:
                among = ", ".join(self._consumers)
                raise InvalidArgumentError("subscriptions", f"{name!r} is not one of {among}")
        return wanted

    def _paused(self) -> frozenset[str]:
        known = frozenset(self._consumers)
        return known if self._stored is None else known & self._stored.paused

    async def _poll(self) -> None:
        try:
            async with self._turn:
                await self._refresh()
        except Exception as error:  # noqa: BLE001 - told once an outage, not at each look
            if not self._stale:
                self._stale = True
                _log.warning(
                    EVENT_FANOUT_CONTROLS_STALE,
                    exc_info=None if isinstance(error, UnavailableError) else error,
                )

    async def _refresh(self) -> None:
        stored = await self._store.load()
        self._stale = False
        if stored == self._stored:
            return
        self._stored = stored
        self._threshold.stored = stored.threshold
        paused = self._paused()
        for name, consumer in self._consumers.items():
            (consumer.pause if name in paused else consumer.resume)()
        _log.info(
            EVENT_FANOUT_CONTROLS_CHANGED,
            threshold=self._threshold.followers(),
            paused=sorted(paused),
        )
