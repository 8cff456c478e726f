"""Where it comes from how readers stand to authors."""

from collections.abc import Collection, Mapping
from typing import Protocol

from services.platform.visibility.rule import Regard, Sight

__all__ = ["Sights"]


class Sights(Protocol):
    """The graph, past every cache. Raises `UnavailableError`: then nothing is to be shown."""

    async def of(self, reader: int, author_ids: Collection[int]) -> Mapping[int, Sight]:
        """How a reader (0: nobody in particular) stands to each of any number of authors."""
        ...

    async def unasked(self, reader: int, author_ids: Collection[int]) -> Regard:
        """The same, and what the reader has muted, by one call; that where there are authors."""
        ...

    async def of_pairs(self, pairs: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Sight]:
        """The same of any number of (reader, author)."""
        ...
