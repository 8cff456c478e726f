"""What the administration of queues needs from outside."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from services.platform.bus.port import DeadLetter

__all__ = ["DeadLetters", "Pausable", "PauseStore"]


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


class DeadLetters(Protocol):
    """What was given up of a subscription, or of an outbox. Raises `UnavailableError`."""

    async def dead_letters(self, name: str, /) -> int | None:
        """Count them, perhaps up to a bound; None where that cannot be said."""
        ...

    async def list_dead_letters(self, name: str, /, *, limit: int) -> Sequence[DeadLetter]:
        """Give up to `limit` of them, oldest first, without taking them."""
        ...

    async def redrive(self, name: str, /, *, limit: int) -> int:
        """Put up to `limit` back; returns how many. What fails again is given up again."""
        ...

    async def drop_dead_letters(self, name: str, ids: Sequence[str], /) -> int:
        """Forget these for good; returns how many of them there were. Idempotent."""
        ...


class Pausable(Protocol):
    """The consumer of one subscription."""

    @property
    def quiet(self) -> asyncio.Event:
        """Set while no receive is under way; once paused, it stays set until resumed."""
        ...

    @property
    def fails(self) -> bool:
        """Whether most of what it has handled last failed."""
        ...

    def pause(self) -> None:
        """Begin no receive; one under way ends, and what it gives is handled. Idempotent."""
        ...

    def resume(self) -> None:
        """Undo a pause. Idempotent."""
        ...
