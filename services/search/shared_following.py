"""Keeping an index that all replicas share in line with the tweets: one of them does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from services.platform.errors import UnavailableError
from services.search.following import Following
from services.search.ports import IndexStates, SharedIndex, WriterLease

__all__ = ["STAND_BACK_S", "SharedFollowing"]

STAND_BACK_S: Final = 3.0
"""For so long whoever failed takes no lease: others, who look every two seconds at least, are
first. Where none of them takes it, it is tried here again."""


class SharedFollowing:
    """Follows the changes while this process has the lease of the index. For one loop.

    Nothing that it knows outlives the lease, or an error: it begins anew from what is kept beside
    the index. An error ends the lease, too: it may be that this process alone does not reach what
    it needs, such as the tweet service.
    """

    def __init__(
        self,
        index: SharedIndex,
        lease: WriterLease,
        states: IndexStates,
        make: Callable[[], Following],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._lease = lease
        self._states = states
        self._make = make
        self._now_s = now_s
        self._following: Following | None = None
        self._stands_back_until_s = 0.0
        self.complete = asyncio.Event()
        """Set from when the index is known to have been built once to its end."""

    async def step(self) -> bool:
        """Do what is to be done; gives whether there is more to do at once.

        Raises `UnavailableError`; a repeat goes on from there.
        """
        if self._now_s() < self._stands_back_until_s or not await self._lease.hold():
            self._following = None
            await self._look()
            return False
        async with self._giving_up():
            following, self._following = self._following, None
            if following is None:
                following = self._make()
                await following.begin(empty=await self._index.open())
            more = await following.step()
        if following.complete.is_set():
            self.complete.set()
        self._following = following
        return more

    @asynccontextmanager
    async def _giving_up(self) -> AsyncIterator[None]:
        """Leave the lease to others where what is done under it fails."""
        try:
            yield
        except Exception:
            self._stands_back_until_s = self._now_s() + STAND_BACK_S
            with suppress(UnavailableError):
                await self._lease.release()
            raise

    async def _look(self) -> None:
        if not self.complete.is_set():
            state = await self._states.load()
            if state is not None and state.has_all:
                self.complete.set()
