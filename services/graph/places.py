"""Places among those whom a user follows, kept before a commit where rows change one by one.

A follow is durable there with its outbox entry, before its rows have it; so whoever is to be
refused must be so before that. A place is a cell in the follower's own row, which changes as one:
it is taken if there is room, counts as a follow for as long as the commit may take, and gives way
to the follow in the very change that writes that.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.graph.edge_rows import ACTIVE, KEPT_FROM, cells_of, kept_column
from services.graph.follow_bounds import follows_of
from services.graph.model import Change, Edge
from services.graph.spec import FOLLOWING
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import CellName, Room, RowMutation, RowStore
from services.platform.runtime.clock import Clock

__all__ = ["KEPT_MS", "Places", "giving_way"]

KEPT_MS: Final = 300_000
"""Milliseconds for which a place counts: a commit takes seconds, and what a crash cut off is
finished within a minute. A crash before the commit keeps it for nobody for as long."""
ROWS_AT_ONCE: Final = 32
"""Followers whose rows are changed at the same time, which leaves the engine room for others."""


class Places:
    """Keeps places in the rows of followers. For one event loop."""

    def __init__(self, rows: RowStore, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def keep(self, changes: Sequence[Change]) -> frozenset[int]:
        """Keep the places that changes need; gives the op ids of those for which there is no room.

        Raises `UnavailableError`; then places may have been kept.
        """
        bounded = [each for each in changes if each.most_followed is not None and follows_of(each)]
        at_once = asyncio.Semaphore(ROWS_AT_ONCE)

        async def kept(change: Change, most: int) -> bool:
            async with at_once:
                return await self._keep(follows_of(change), most)

        found = await asyncio.gather(*(kept(each, each.most_followed or 0) for each in bounded))
        return frozenset(
            each.op_id for each, is_kept in zip(bounded, found, strict=True) if not is_kept
        )

    async def _keep(self, follows: Sequence[Edge], most: int) -> bool:
        if await self._take(follows, most):
            return True
        # What stands already, or has a place of another try, needs none.
        cells = {edge: (cells_of(edge)[0], _place(edge)) for edge in follows}
        found = await self._rows.read_cells([cell for own in cells.values() for cell in own])
        young_from_ms = self._clock.now_ms() - KEPT_MS
        new = [
            edge
            for edge, (follow, place) in cells.items()
            if not (follow in found and found[follow].value == ACTIVE)
            and not (place in found and found[place].timestamp_ms >= young_from_ms)
        ]
        return not new or (len(new) < len(follows) and await self._take(new, most))

    async def _take(self, follows: Sequence[Edge], most: int) -> bool:
        key, now_ms = user_row_key(follows[0].owner_id), self._clock.now_ms()
        columns = [kept_column(edge.other_id) for edge in follows]
        room = Room(ACTIVE, KEPT_FROM, now_ms - KEPT_MS, most)
        return await self._rows.keep_places(FOLLOWING.name, key, columns, now_ms, room)


def _place(follow: Edge) -> CellName:
    key = user_row_key(follow.owner_id)
    return CellName(FOLLOWING.name, key, kept_column(follow.other_id))


def giving_way(changes: Sequence[Change]) -> list[RowMutation]:
    """Remove the places of what is followed now, in the change of the row that says so."""
    return [
        RowMutation(
            FOLLOWING.name,
            user_row_key(follows_of(change)[0].owner_id),
            deletes=[kept_column(edge.other_id) for edge in follows_of(change)],
        )
        for change in changes
        if change.most_followed is not None and follows_of(change)
    ]
