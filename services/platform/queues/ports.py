"""What the administration of queues needs from outside."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Pausable", "PauseStore"]


class PauseStore(Protocol):
    """Which subscriptions are paused, for all processes. Raises `UnavailableError`.

    Every write is durable on return, and the next load of any process sees it. The last writer
    wins, for each subscription by itself.
    """

    async def load(self) -> frozenset[str]:
        """Read the names of all that are paused, perhaps of some that are no longer there."""
        ...

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """Note all of these as paused or not, in one step. Idempotent."""
        ...


class Pausable(Protocol):
    """The consumer of one subscription."""

    @property
    def quiet(self) -> asyncio.Event:
        """Set while no receive is under way; once paused, it stays set until resumed."""
        ...

    def pause(self) -> None:
        """Begin no receive; one under way ends, and what it gives is handled. Idempotent."""
        ...

    def resume(self) -> None:
        """Undo a pause. Idempotent."""
        ...
