"""Keeping batches apart while there is load, so that each is worth what it costs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

__all__ = ["Pace", "happens_within"]


class Pace:
    """Lets something begin `every_s` seconds after it began before; after a longer rest, at once.

    For one loop that does one thing after the other.
    """

    def __init__(
        self,
        every_s: float,
        *,
        now_s: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._every_s = every_s
        self._now_s = now_s
        self._sleep = sleep
        self._next_s = 0.0

    async def wait(self) -> None:
        """Wait until it is time."""
        now_s = asyncio.get_running_loop().time() if self._now_s is None else self._now_s()
        wait_s = min(self._next_s - now_s, self._every_s)
        self._next_s = now_s + max(0.0, wait_s) + self._every_s
        if wait_s > 0:
            await self._sleep(wait_s)


async def happens_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, so long at the most; give whether it is set then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
