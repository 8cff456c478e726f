"""A value that operators set in a store, watched by every process that goes by it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from services.platform.runtime.background import Background

__all__ = ["POLL_EVERY_S", "WatchedValue"]

Value = TypeVar("Value")

POLL_EVERY_S: Final = 1.0
"""How late a process learns of a change made through another; each look is the read of one row."""


class WatchedValue(Generic[Value]):
    """Polls a store, so a change reaches all processes, and those that start later.

    While the store is gone, what was known last stays in force.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Awaitable[Value]],
        changed: Callable[[Value], None],
        *,
        poll_every_s: float = POLL_EVERY_S,
    ) -> None:
        """Call `changed` with the first value that was read, and with each other one after it."""
        self._load = load
        self._changed = changed
        # Empty until the store has been read once: None may be a value.
        self._known: tuple[Value, ...] = ()
        # A poll that read before a change must not be applied after it.
        self._turn = asyncio.Lock()
        self._polling = Background(name, self._poll, every_s=poll_every_s)

    async def start(self) -> None:
        """Begin to poll."""
        self._polling.start()

    async def stop(self) -> None:
        """Poll no more; what is known stays."""
        await self._polling.stop()

    def holds(self) -> bool:
        """Whether it goes on polling."""
        return self._polling.holds()

    @property
    def is_known(self) -> bool:
        """Whether the store has been read once."""
        return bool(self._known)

    @property
    def value(self) -> Value | None:
        """What was read last; None until `is_known`."""
        return self._known[0] if self._known else None

    async def change(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the store, and go by it here on return; raises what the store does."""
        async with self._turn:
            await write()
            await self._refresh()

    async def _poll(self) -> None:
        async with self._turn:
            await self._refresh()

    async def _refresh(self) -> None:
        value = await self._load()
        if self._known != (value,):
            self._known = (value,)
            self._changed(value)
