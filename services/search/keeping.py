"""An index, and what keeps it in line with the tweets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from services.search.following import Following
from services.search.ports import IndexStates, SearchIndex
from services.search.progress import BuildProgress

__all__ = ["Kept", "MakeFollowing"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The index that a process searches."""

    name: str
    index: SearchIndex
    step: Callable[[], Awaitable[bool]]
    """Brings it a step further; gives whether there is more to do at once."""
    complete: asyncio.Event


class MakeFollowing(Protocol):
    """Gives what brings an index in line with the tweets."""

    def __call__(
        self, name: str, *, index: SearchIndex, states: IndexStates, progress: BuildProgress
    ) -> Following:
        """Make it of an index, and of what keeps its state."""
        ...
