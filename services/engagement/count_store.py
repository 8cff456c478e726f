"""Counts on rows: written behind the edges, in batches, each edge once."""

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from services.engagement.edge_rows import (
    ACTIVE,
    COUNTED,
    TOMBSTONE,
    cells_of,
    counted_cell,
    state_of,
)
from services.engagement.keys import COUNT_PARTS, count_row_key
from services.engagement.model import Edge, Kind, TweetCounts
from services.engagement.ports import ChangingTooFastError
from services.engagement.spec import ENGAGERS, TWEET_COUNTS
from services.platform.rows.cells import swap_cell
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation, RowStore, Tally

__all__ = ["RowCounts"]

HOT_CHANGES: Final = 64
"""Changes of one count in one batch from which on it is spread over several rows: a tweet that so
many processes count at once would take more increments than a row does."""

CHECKS_AT_ONCE: Final = 32
"""Edges checked at the same time where rows change one by one."""

MAX_ROUNDS: Final = 8
"""Looks at edges that change from one to the next; each means a change elsewhere."""

_SPREAD = b"spread"
_COUNT = struct.Struct(">q")
_COLUMNS = {kind.value.encode(): kind for kind in Kind}

PartOf = Callable[[], int]


def _any_part() -> int:
    return random.randrange(1, COUNT_PARTS)  # noqa: S311 - spreads load, guards nothing


class RowCounts:
    """Keeps the counts of tweets on a `RowStore`; each edge knows whether it is counted."""

    def __init__(self, rows: RowStore, part_of: PartOf = _any_part) -> None:
        self._rows = rows
        self._part_of = part_of

    async def settle(self, edges: Collection[Edge]) -> None:
        """Count edges that have come and uncount those that have gone.

        An edge is looked at again after it was counted: it may have changed in between, and who
        settled that change may have been before us.
        """
        left: Collection[Edge] = frozenset(edges)
        for _ in range(MAX_ROUNDS):
            cells = await self._rows.read_cells([cell for edge in left for cell in cells_of(edge)])
            states = {edge: state_of(edge, cells) for edge in left}
            off = {
                edge: state.standing
                for edge, state in states.items()
                if state.standing != state.counted
            }
            if not off:
                return
            if self._rows.atomic_batches:
                await self._count_together(off)
            else:
                seen = {edge: cells.get(counted_cell(edge)) for edge in off}
                await self._count_each(off, seen)
            left = off.keys()
        raise ChangingTooFastError("These edges are changing too fast to be counted.")

    async def counts(self, tweet_ids: Sequence[int]) -> dict[int, TweetCounts]:
        """Read counts; the parts of those that are spread in a second read."""
        cells = await self.count_cells(tweet_ids)
        return {
            tweet_id: TweetCounts(tweet_id, totals(cells[tweet_id].items()))
            for tweet_id in tweet_ids
        }

    async def count_cells(self, tweet_ids: Sequence[int]) -> dict[int, dict[CellName, int]]:
        """Read the count cells of each tweet."""
        firsts = {count_row_key(tweet_id): tweet_id for tweet_id in tweet_ids}
        rows = await self._rows.read_rows(TWEET_COUNTS.name, list(firsts))
        found = {tweet_id: dict[CellName, int]() for tweet_id in tweet_ids}
        parts: dict[bytes, int] = {}
        for key, row in rows.items():
            found[firsts[key]] |= _counts_in(row)
            if _SPREAD in row.cells:
                parts |= {
                    count_row_key(firsts[key], part): firsts[key] for part in range(1, COUNT_PARTS)
                }
        if parts:
            more = await self._rows.read_rows(TWEET_COUNTS.name, list(parts))
            for key, row in more.items():
                found[parts[key]] |= _counts_in(row)
        return found

    async def correct(self, tweet_id: int, kind: Kind, seen: int | None, by: int) -> bool:
        """Add to the first part of a count if that still is `seen` (None: no count). Atomic."""
        cell = first_cell(tweet_id, kind)
        before = None if seen is None else _COUNT.pack(seen)
        after = _COUNT.pack((seen or 0) + by)
        found = await swap_cell(self._rows, cell, before, after)
        if seen is None and found is not None and len(found) != _COUNT.size:
            # It is no count, and nobody adds to it.
            before = found
            found = await swap_cell(self._rows, cell, before, after)
        return found == before

    async def _count_together(self, off: Mapping[Edge, bool]) -> None:
        """Mark the edges and change the counts by what that changes, all or nothing."""
        parts = self._parts(off)
        tallied: dict[CellName, list[CellName]] = {}
        for edge in off:
            tallied.setdefault(parts[edge.tweet_id, edge.kind], []).append(counted_cell(edge))
        await self._rows.mutate_counted(
            [*map(_marked, off.items()), *_spread_marks(parts)],
            [Tally(counter, cells, ACTIVE) for counter, cells in tallied.items()],
        )

    async def _count_each(
        self, off: Mapping[Edge, bool], seen: Mapping[Edge, DatedCell | None]
    ) -> None:
        """Mark each edge if it still is as `seen`, and add up what that changes."""
        parts = self._parts(off)
        room = asyncio.Semaphore(CHECKS_AT_ONCE)
        deltas: Counter[CellName] = Counter()

        async def mark(edge: Edge, *, standing: bool) -> None:
            cell = seen[edge]
            before = None if cell is None else cell.value
            after = ACTIVE if standing else TOMBSTONE
            async with room:
                found = await swap_cell(self._rows, counted_cell(edge), before, after)
            if found == before:
                deltas[parts[edge.tweet_id, edge.kind]] += 1 if standing else -1

        async def add(counter: CellName, delta: int) -> None:
            async with room:
                await self._rows.increment(*counter, delta)

        marked = await asyncio.gather(
            *(mark(edge, standing=standing) for edge, standing in off.items()),
            return_exceptions=True,
        )
        # What is marked must be counted, whatever became of the others.
        if spread := _spread_marks(parts):
            await self._rows.mutate(spread)
        await asyncio.gather(*(add(*item) for item in deltas.items() if item[1]))
        for failed in marked:
            if isinstance(failed, BaseException):
                raise failed

    def _parts(self, edges: Iterable[Edge]) -> dict[tuple[int, Kind], CellName]:
        """Choose the row that takes in what changes of each count."""
        sizes = Counter((edge.tweet_id, edge.kind) for edge in edges)
        return {
            (tweet_id, kind): CellName(
                TWEET_COUNTS.name,
                count_row_key(tweet_id, self._part_of() if size >= HOT_CHANGES else 0),
                kind.value.encode(),
            )
            for (tweet_id, kind), size in sizes.items()
        }


def first_cell(tweet_id: int, kind: Kind) -> CellName:
    """Return the cell of a count that is always there, or stands for it."""
    return CellName(TWEET_COUNTS.name, count_row_key(tweet_id), kind.value.encode())


def totals(cells: Iterable[tuple[CellName, int]]) -> dict[Kind, int]:
    """Add up the parts of each count."""
    found: Counter[Kind] = Counter()
    for cell, count in cells:
        found[_COLUMNS[cell.column]] += count
    return dict(found)


def _counts_in(row: Row) -> dict[CellName, int]:
    """Read the counts of a row; one that is none is counted anew, as one that never was."""
    return {
        CellName(TWEET_COUNTS.name, row.key, column): _COUNT.unpack(value)[0]
        for column, value in row.cells.items()
        if column in _COLUMNS and len(value) == _COUNT.size
    }


def _marked(item: tuple[Edge, bool]) -> RowMutation:
    edge, standing = item
    return RowMutation(
        ENGAGERS.name, counted_cell(edge).key, {COUNTED: ACTIVE if standing else TOMBSTONE}
    )


def _spread_marks(parts: Mapping[tuple[int, Kind], CellName]) -> list[RowMutation]:
    """Have readers look at all parts of those that are spread."""
    spread = {
        tweet_id for (tweet_id, _), cell in parts.items() if cell.key != count_row_key(tweet_id)
    }
    return [
        RowMutation(TWEET_COUNTS.name, count_row_key(tweet_id), {_SPREAD: ACTIVE})
        for tweet_id in spread
    ]
