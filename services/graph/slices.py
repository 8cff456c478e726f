"""Lists of users that are read slice by slice, so that no length of one takes more memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from services.platform.ids.slices import IdSlice

__all__ = [
    "IDS_PER_SLICE",
    "Read",
    "Rising",
    "Take",
    "slices",
    "slices_of_all",
    "taking",
]

IDS_PER_SLICE: Final = 10_000
"""Edges read at once where all are wanted: a megabyte in memory, 100 kB on the wire."""

Take = Callable[[int | None, int], Coroutine[Any, Any, IdSlice]]
"""The slice of a list after an id, from at most so many stored edges."""


class Read(Protocol):
    """Reads one of the lists of the store, see `GraphStore`."""

    async def __call__(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read the slice of a user's list after an id, from at most `limit` stored edges."""
        ...


def taking(read: Read, user_id: int) -> Take:
    """Return how slices of this user's list are taken."""

    async def take(after: int | None, limit: int) -> IdSlice:
        return await read(user_id, after=after, limit=limit)

    return take


async def slices(
    take: Take, limit: int = IDS_PER_SLICE, after: int | None = None
) -> AsyncIterator[tuple[int, ...]]:
    """Read the whole list above `after` (None: all); no slice is empty. Increasing."""
    while True:
        batch = await take(after, limit)
        if batch.ids:
            yield batch.ids
        after = batch.resume_after
        if after is None:
            return


async def slices_of_all(
    lists: Sequence[tuple[IdSlice, Take]], limit: int
) -> AsyncGenerator[tuple[int, tuple[int, ...]], None]:
    """Read whole lists, one after the other, each slice with the place of its list in `lists`.

    Each is given with its first slice, which for most users is all there is. Raises what a read
    does.
    """
    for place, (first, take) in enumerate(lists):
        if first.ids:
            yield place, first.ids
        if first.resume_after is not None:
            async for ids in slices(take, limit, first.resume_after):
                yield place, ids


class Rising:
    """Which users of rising batches are in a list, of which it holds one slice at a time."""

    def __init__(self, take: Take, after: int | None = None, first: IdSlice | None = None) -> None:
        """Begin above `after` (None: with all), or with the `first` slice, where that was read."""
        self._take = take
        self._after = after
        self._slice = frozenset[int]()
        self._ended = False
        if first is not None:
            self._hold(first)

    async def among(self, ids: Sequence[int]) -> frozenset[int]:
        """Those of `ids` in the list; increasing, and above all that were asked for before."""
        found, last = self._slice.intersection(ids), ids[-1]
        while not self._ended and (self._after is None or self._after < last):
            self._hold(await self._take(self._after, IDS_PER_SLICE))
            found |= self._slice.intersection(ids)
        return found

    def _hold(self, batch: IdSlice) -> None:
        self._slice = frozenset(batch.ids)
        self._after, self._ended = batch.resume_after, batch.resume_after is None
