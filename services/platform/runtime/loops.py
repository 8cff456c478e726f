"""Starting what must go on until a process ends."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from services.platform.runtime.background import STALE_AFTER_S, Background
from services.platform.runtime.readiness import Readiness

__all__ = ["Loops"]


class _Kept(Protocol):
    def holds(self) -> bool: ...
    async def stop(self) -> None: ...


class Loops:
    """Stops what was started here when the stack unwinds; until then, the process needs it."""

    def __init__(self, stack: AsyncExitStack, readiness: Readiness) -> None:
        self._stack = stack
        self._readiness = readiness

    def run(
        self,
        name: str,
        step: Callable[[], Awaitable[float | None]],
        *,
        every_s: float = 0.0,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        """Run `step` for ever; see `Background`."""
        loop = Background(name, step, every_s=every_s, stale_after_s=stale_after_s)
        loop.start()
        self.opened(name, loop)

    def opened(self, name: str, kept: _Kept) -> None:
        """Take charge of what has begun, or will, and has loops of its own."""
        self._stack.push_async_callback(kept.stop)
        self._readiness.require(name, kept.holds)
