"""The graph on rows: its edges, and how many follow a user."""

from collections.abc import Collection, Sequence

from services.graph.edge_rows import (
    cells_of,
    deciding_cell,
    is_active,
    members,
    mutations,
    state_of,
)
from services.graph.keys import edge_range, parse_edge_row_key
from services.graph.model import Change, Edge, IdSlice, StoredEdge
from services.graph.spec import (
    BLOCKED_BY,
    BLOCKING,
    FOLLOW_COUNTS,
    FOLLOWERS,
    FOLLOWING,
    GRAPH_EVENTS,
    MUTING,
)
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.keys import parse_user_row_key, user_row_key
from services.platform.rows.port import CellName, RowStore, TableSpec

__all__ = ["RowGraphStore"]


_COUNT = b"followers"
_COUNT_BYTES = 8


class RowGraphStore:
    """A `GraphStore` on a `RowStore` and an outbox over the same rows."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def standing(self, edges: Collection[Edge]) -> frozenset[Edge]:
        """Read which of these edges are there, each by its deciding cell."""
        states = await self.states((), edges)
        return frozenset(edge for edge, state in states.items() if state.standing)

    async def states(
        self, edges: Collection[Edge], deciding: Collection[Edge] = ()
    ) -> dict[Edge, StoredEdge]:
        """Read edges whole, and of `deciding` ones the cell that decides, in one read."""
        names: dict[Edge, tuple[CellName, ...]] = {
            edge: (deciding_cell(edge),) for edge in deciding
        }
        names |= {edge: cells_of(edge) for edge in edges}
        cells = await self._rows.read_cells([cell for own in names.values() for cell in own])
        return {edge: state_of(own, cells) for edge, own in names.items()}

    async def commit(self, change: Change, event: bytes) -> None:
        """Write the cells of a change and its event together."""
        entry = OutboxEntry(change.op_id, GRAPH_EVENTS, event)
        await self._outbox.commit(mutations(change), entry)

    async def following(self, user_id: int) -> list[int]:
        """Read everybody whom the user follows, from one wide row."""
        return await self._members(FOLLOWING, user_id)

    async def muting(self, user_id: int) -> list[int]:
        """Read everybody whom the user mutes, from one wide row."""
        return await self._members(MUTING, user_id)

    async def blocking(self, user_id: int) -> list[int]:
        """Read everybody whom the user blocks, from one wide row."""
        return await self._members(BLOCKING, user_id)

    async def blocked_by(self, user_id: int) -> list[int]:
        """Read everybody who blocks the user, from one wide row."""
        return await self._members(BLOCKED_BY, user_id)

    async def followers(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read followers with id > `after`, from at most `limit` rows of edges."""
        keys = edge_range(user_id, after)
        rows = await self._rows.scan(FOLLOWERS.name, keys.start, keys.end, limit=limit)
        ids = tuple(parse_edge_row_key(row.key)[1] for row in rows if is_active(row))
        full = len(rows) == limit
        return IdSlice(ids, parse_edge_row_key(rows[-1].key)[1] if full else None)

    async def add_to_follower_count(self, user_id: int, delta: int) -> None:
        """Add to the count of a user's followers. Not idempotent."""
        await self._rows.increment(FOLLOW_COUNTS.name, user_row_key(user_id), _COUNT, delta)

    async def follower_counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read follower counts as stored; one that was never made is left out."""
        rows = await self._rows.read_rows(
            FOLLOW_COUNTS.name, [user_row_key(user) for user in user_ids]
        )
        return {
            parse_user_row_key(key): _decode_count(row.cells[_COUNT])
            for key, row in rows.items()
            # One that is lost is counted anew, as one that never was.
            if len(row.cells.get(_COUNT, b"")) == _COUNT_BYTES
        }

    async def correct_follower_count(self, user_id: int, seen: int | None, exact: int) -> None:
        """Set a count to `exact` if it still is `seen`, by compare-and-set."""
        cell = CellName(FOLLOW_COUNTS.name, user_row_key(user_id), _COUNT)
        before = None if seen is None else _encode_count(seen)
        await swap_cell(self._rows, cell, before, _encode_count(exact))

    async def _members(self, table: TableSpec, user_id: int) -> list[int]:
        key = user_row_key(user_id)
        return members((await self._rows.read_rows(table.name, [key])).get(key))


def _encode_count(count: int) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big", signed=True)


def _decode_count(cell: bytes) -> int:
    return int.from_bytes(cell, "big", signed=True)
