"""Settling what was published, some time after, many at once.

To settle at once costs a transaction, and the disk's word for it, for each publish. Whoever dies
before leaves entries that are published again, which readers of the bus cope with anyway.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.platform.outbox.waiting import until_done
from services.platform.runtime.background import IDLE_S, Background
from services.platform.runtime.pace import happens_within

__all__ = ["SETTLE_AFTER_S", "Settling"]

SETTLE_AFTER_S = 0.1
"""Entries published meanwhile are settled together. Far below the age at which a sweeper takes an
entry for left behind."""


class Settling:
    """Has `settle` forget entries, and then `settled` told of them, in the background.

    There is no pause before it any more once `hurry` is set.
    """

    def __init__(
        self,
        settle: Callable[[Sequence[int]], Awaitable[None]],
        settled: Callable[[Sequence[int]], Awaitable[None]],
        jitter: random.Random,
        hurry: asyncio.Event,
    ) -> None:
        self._settle = settle
        self._settled = settled
        self._jitter = jitter
        self._hurry = hurry
        self._waiting: list[int] = []
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self.loop = Background("outbox-settle", self._settle_waiting)

    def add(self, ids: Sequence[int]) -> None:
        """Settle these soon."""
        if ids:
            self._waiting += ids
            self._none.clear()
            self._some.set()

    async def join(self) -> None:
        """Wait until all are settled."""
        await self._none.wait()

    async def _settle_waiting(self) -> None:
        if not await happens_within(IDLE_S, self._some):
            return
        await happens_within(SETTLE_AFTER_S, self._hurry)
        self._some.clear()
        ids, self._waiting = self._waiting, []
        try:
            await until_done(partial(self._settle, ids), self.loop.beat, self._jitter)
        finally:
            await self._settled(ids)
            if not self._waiting:
                self._none.set()
