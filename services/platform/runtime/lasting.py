"""Work that goes on though whoever asked for it has gone, once at a time for each key."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Generic, TypeVar

from services.platform.runtime.deadlines import allowed_s, without_deadline

__all__ = ["Lasting"]

DEADLINE_SHARE: Final = 0.5
"""Of what the request's deadline leaves: the other half is for the answer without this."""

Found = TypeVar("Found")


class Lasting(Generic[Found]):
    """Does `work` for keys, `at_once` at the most; for one event loop.

    The work bounds itself and raises nothing: None stands for a failure. Who asks while it is under
    way waits with the others.
    """

    def __init__(self, work: Callable[[int], Awaitable[Found | None]], *, at_once: int) -> None:
        self._work = work
        self._room = asyncio.Semaphore(at_once)
        self._under_way: dict[int, asyncio.Task[Found | None]] = {}

    def begin(self, key: int) -> asyncio.Task[Found | None]:
        """Have it done, after this call; gives what is under way already, if anything is."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(
                self._done(key), context=without_deadline()
            )
            self._under_way[key] = task
        return task

    async def within(self, keys: Collection[int], longest_s: float) -> dict[int, Found]:
        """Have it done for all keys, and give what is found of them within that time.

        Which is less for a request that has little left. The rest goes on.
        """
        if not keys:
            return {}
        tasks = {key: self.begin(key) for key in keys}
        await asyncio.wait(tasks.values(), timeout=allowed_s(longest_s, DEADLINE_SHARE))
        found = {key: task.result() for key, task in tasks.items() if task.done()}
        return {key: each for key, each in found.items() if each is not None}

    async def _done(self, key: int) -> Found | None:
        try:
            async with self._room:
                return await self._work(key)
        finally:
            del self._under_way[key]
