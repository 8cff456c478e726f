"""Lists of ids that are read slice by slice, of which those that were removed leave gaps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["IdSlice", "gather_ids"]

EDGES_PER_SCAN: Final = 200
"""Stored edges read at once at least, so that a run of removed ones is passed in few rounds."""


@dataclass(frozen=True, slots=True)
class IdSlice:
    """A slice of a list, as stored."""

    ids: tuple[int, ...]
    """In the list's order; shorter than the slice asked for where something has been removed."""
    resume_after: int | None
    """Where the next slice begins; None after the last."""

    @property
    def is_whole(self) -> bool:
        """Whether no slice follows."""
        return self.resume_after is None


async def gather_ids(
    take: Callable[[int | None, int], Awaitable[IdSlice]], after: int | None, count: int
) -> IdSlice:
    """Take slices until there are `count` ids, or no more.

    `take` reads the slice behind an id (None: the first), from at most so many stored edges.
    """
    ids: list[int] = []
    while True:
        batch = await take(after, max(count - len(ids), EDGES_PER_SCAN))
        ids += batch.ids
        after = batch.resume_after
        if len(ids) > count:
            return IdSlice(tuple(ids[:count]), ids[count - 1])
        if after is None or len(ids) == count:
            return IdSlice(tuple(ids), after)
