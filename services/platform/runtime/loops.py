"""What goes on until a process ends: started, watched and stopped in one place."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from services.platform.runtime.background import IDLE_S, STALE_AFTER_S, Background, Finished
from services.platform.runtime.readiness import Readiness

__all__ = ["Loops", "Running"]


class Running(Protocol):
    """Something that goes on by itself from its start, which is called once, to its stop."""

    async def start(self) -> None:
        """Begin, and return soon; raises what keeps it from beginning."""
        ...

    async def stop(self) -> None:
        """End, and return when it has. Safe where it was never started, or has been stopped."""
        ...

    def holds(self) -> bool:
        """Whether it goes on as it should; true before its start and after its stop."""
        ...


class Loops:
    """Starts what goes on in a process, and stops it when the stack unwinds, the last first.

    Until then the process is ready only while each holds. Nobody else starts any of them.
    `intake` takes work in from outside, and is to finish what it has in hand when it is stopped.
    """

    def __init__(self, stack: AsyncExitStack, readiness: Readiness) -> None:
        self._stack = stack
        self._readiness = readiness
        self._intakes: list[Callable[[], Awaitable[None]]] = []

    def run(
        self,
        name: str,
        step: Callable[[], Awaitable[float | None]],
        *,
        every_s: float = 0.0,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        """Run `step` again and again, `every_s` seconds after it ended; as `Background` does."""
        loop = Background(name, step, every_s=every_s, stale_after_s=stale_after_s)
        loop.start()
        self._keep(name, loop.stop, loop.holds)

    async def stop_intake(self) -> None:
        """Stop all that takes work in, at the same time: each may take its whole time for it.

        Called before the stack unwinds, which then finds all of it stopped.
        """
        stops = await asyncio.gather(*(stop() for stop in self._intakes), return_exceptions=True)
        for failed in filter(None, stops):
            raise failed

    async def opened(self, name: str, running: Running, *, intake: bool = False) -> None:
        """Start it now; raises what its start does."""
        await running.start()
        self._keep(name, running.stop, running.holds)
        if intake:
            self._intakes.append(running.stop)

    def opened_after(
        self, name: str, running: Running, event: asyncio.Event, *, intake: bool = False
    ) -> None:
        """Start it once `event` is set, in the background: that may take for ever."""

        async def start() -> None:
            try:
                async with asyncio.timeout(IDLE_S):
                    await event.wait()
            except TimeoutError:
                return
            await running.start()
            raise Finished

        starting = Background(f"start {name}", start)

        async def stop() -> None:
            await starting.stop()
            await running.stop()

        starting.start()
        self._keep(name, running.stop, running.holds)
        self._keep(f"start {name}", starting.stop, starting.holds)
        if intake:
            self._intakes.append(stop)

    def _keep(
        self, name: str, stop: Callable[[], Awaitable[None]], holds: Callable[[], bool]
    ) -> None:
        self._stack.push_async_callback(stop)
        self._readiness.require(name, holds)
