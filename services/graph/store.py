"""The graph on rows: its edges, and how many follow a user."""

from collections.abc import Collection, Sequence
from itertools import chain

from services.graph.edge_rows import (
    ACTIVE,
    cells_of,
    column_of,
    deciding_cell,
    in_table_order,
    is_active,
    members,
    mutations,
    other_of,
    state_of,
)
from services.graph.keys import edge_range, parse_edge_row_key
from services.graph.model import Change, Commit, Edge, IdSlice, Relation, StoredEdge
from services.graph.spec import (
    BLOCKED_BY,
    BLOCKING,
    FOLLOW_COUNTS,
    FOLLOWERS,
    FOLLOWING,
    GRAPH_EVENTS,
    MUTING,
)
from services.platform.bus.tracing import with_trace_context
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.keys import parse_user_row_key, user_row_key
from services.platform.rows.port import CellName, Row, RowStore, Scan, TableSpec, Tally

__all__ = ["RowGraphStore"]


RELATED = (FOLLOWING, MUTING, BLOCKING, BLOCKED_BY)

_COUNT = b"followers"
_COUNT_BYTES = 8


class RowGraphStore:
    """A `GraphStore` on a `RowStore` and an outbox over the same rows."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    @property
    def counts_followers(self) -> bool:
        """Whether commits count: where rows and counters change together."""
        return self._rows.atomic_batches

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
        await self._outbox.commit(mutations(change), entry, self._tallies([change]))

    async def commit_all(self, commits: Sequence[Commit]) -> None:
        """Write the cells of many changes and their events together."""
        entries = [
            OutboxEntry(
                each.change.op_id,
                GRAPH_EVENTS,
                each.event,
                each.context.run(with_trace_context, {}),
                mutations(each.change),
            )
            for each in commits
        ]
        writes = in_table_order(chain.from_iterable(entry.mutations for entry in entries))
        tallies = self._tallies([each.change for each in commits])
        await self._outbox.commit_all(writes, entries, tallies)

    async def following(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read whom the user follows, from a slice of one wide row."""
        return await self._slice(FOLLOWING, user_id, after, limit)

    async def muting(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read whom the user mutes, from a slice of one wide row."""
        return await self._slice(MUTING, user_id, after, limit)

    async def blocking(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read whom the user blocks, from a slice of one wide row."""
        return await self._slice(BLOCKING, user_id, after, limit)

    async def blocked_by(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read who blocks the user, from a slice of one wide row."""
        return await self._slice(BLOCKED_BY, user_id, after, limit)

    async def related(self, user_ids: Sequence[int], limit: int) -> list[list[IdSlice]]:
        """Read the first slices of each user's four wide rows, in one read."""
        found = await self._rows.scan_many(
            [_first_of(table, user_id, limit) for user_id in user_ids for table in RELATED]
        )
        lists = iter(found)
        return [
            [
                _slice_of(rows, limit) or await self._slice(table, user_id, None, limit)
                for table, rows in zip(RELATED, lists, strict=False)
            ]
            for user_id in user_ids
        ]

    async def followers(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read followers with id > `after`, from at most `limit` rows of edges."""
        keys = edge_range(user_id, after)
        rows = await self._rows.scan(FOLLOWERS.name, keys.start, keys.end, limit=limit)
        return _followers_of(rows, limit)

    async def neighbours(
        self, user_ids: Sequence[int], followers: int, following: int
    ) -> list[tuple[IdSlice, IdSlice]]:
        """Read first followers, from rows of edges, and first followings, in one read."""
        ranges = [edge_range(user_id, None) for user_id in user_ids]
        found = await self._rows.scan_many(
            [
                *(Scan(FOLLOWERS.name, keys.start, keys.end, followers) for keys in ranges),
                *(_first_of(FOLLOWING, user_id, following) for user_id in user_ids),
            ]
        )
        return [
            (
                _followers_of(edges, followers),
                _slice_of(row, following) or await self._slice(FOLLOWING, user_id, None, following),
            )
            for user_id, edges, row in zip(
                user_ids, found[: len(user_ids)], found[len(user_ids) :], strict=True
            )
        ]

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
        before = None if seen is None else _encode_count(seen)
        await swap_cell(self._rows, _counter(user_id), before, _encode_count(exact))

    def _tallies(self, changes: Sequence[Change]) -> list[Tally]:
        """Count the followers of all whose follows are written, whether they are new or not."""
        if not self.counts_followers:
            return []
        cells: dict[int, list[CellName]] = {}
        for change in changes:
            for edge in change.edges:
                if edge.relation is Relation.FOLLOW:
                    cells.setdefault(edge.other_id, []).append(deciding_cell(edge))
        return [Tally(_counter(user_id), each, ACTIVE) for user_id, each in cells.items()]

    async def _slice(
        self, table: TableSpec, user_id: int, after: int | None, limit: int
    ) -> IdSlice:
        key, ids = user_row_key(user_id), list[int]()
        columns_from = b"" if after is None else column_of(after) + b"\x00"
        while True:
            rows = await self._rows.scan(
                table.name,
                key,
                key + b"\x00",
                limit=1,
                columns_from=columns_from,
                cells_per_row=limit,
            )
            ids += [one for row in rows for one in members(row)]
            if (found := _slice_of(rows, limit)) is not None:
                return IdSlice(tuple(ids), found.resume_after)
            # Nobody can go on from a column that is nobody's.
            columns_from = max(rows[0].cells) + b"\x00"


def _first_of(table: TableSpec, user_id: int, limit: int) -> Scan:
    """Ask for the beginning of a wide row."""
    key = user_row_key(user_id)
    return Scan(table.name, key, key + b"\x00", 1, cells_per_row=limit)


def _followers_of(rows: Sequence[Row], limit: int) -> IdSlice:
    """Read what was scanned of rows of edges."""
    ids = tuple(parse_edge_row_key(row.key)[1] for row in rows if is_active(row))
    full = len(rows) == limit
    return IdSlice(ids, parse_edge_row_key(rows[-1].key)[1] if full else None)


def _slice_of(rows: Sequence[Row], limit: int) -> IdSlice | None:
    """Read what was scanned of a wide row; None where nobody could go on from its end."""
    ids = tuple(one for row in rows for one in members(row))
    if not rows or len(rows[0].cells) < limit:
        return IdSlice(ids, None)
    resume_after = other_of(max(rows[0].cells))
    return None if resume_after is None else IdSlice(ids, resume_after)


def _counter(user_id: int) -> CellName:
    return CellName(FOLLOW_COUNTS.name, user_row_key(user_id), _COUNT)


def _encode_count(count: int) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big", signed=True)


def _decode_count(cell: bytes) -> int:
    return int.from_bytes(cell, "big", signed=True)
