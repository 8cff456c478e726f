"""Edges on rows: who did what with which tweet."""

from collections.abc import Collection, Sequence

from services.engagement.edge_rows import (
    cells_of,
    deciding_cell,
    edge_of,
    is_active,
    is_set,
    mutations,
    state_of,
)
from services.engagement.keys import (
    COUNT_PARTS,
    column_of,
    count_row_key,
    engaged_row_key,
    engagers_range,
    kind_range,
    tweet_of,
)
from services.engagement.model import USER_KINDS, Change, Commit, Edge, EdgeState, Kind
from services.engagement.ports import EngagementEvents
from services.engagement.spec import ENGAGED, ENGAGEMENT_EVENTS, ENGAGERS, TWEET_COUNTS
from services.platform.bus.tracing import with_trace_context
from services.platform.ids.slices import IdSlice
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.port import RowMutation, RowStore

__all__ = ["RowEdgeStore"]


class RowEdgeStore:
    """An `EdgeStore` on a `RowStore` and an outbox over the same rows."""

    def __init__(self, rows: RowStore, outbox: Commits, events: EngagementEvents) -> None:
        self._rows = rows
        self._outbox = outbox
        self._events = events

    async def states(self, edges: Collection[Edge]) -> dict[Edge, EdgeState]:
        """Read edges whole, in one read."""
        cells = await self._rows.read_cells([cell for edge in edges for cell in cells_of(edge)])
        return {edge: state_of(edge, cells) for edge in edges}

    async def commit(self, commits: Sequence[Commit]) -> None:
        """Write the cells of many changes and their events together."""
        writes = mutations([each.change for each in commits])
        entries = [
            OutboxEntry(
                each.op_id,
                ENGAGEMENT_EVENTS,
                self._events.changed(each.change),
                each.context.run(with_trace_context, {}),
                mutations([each.change]),
            )
            for each in commits
        ]
        await self._outbox.commit_all(writes, entries)

    async def write(self, changes: Sequence[Change]) -> None:
        """Write the cells of many changes."""
        await self._rows.mutate(mutations(changes))

    async def done_by(
        self, kind: Kind, actor_id: int, *, before: int | None, limit: int, removed: bool = False
    ) -> IdSlice:
        """Read tweets from a slice of one wide row."""
        key = engaged_row_key(kind, actor_id)
        rows = await self._rows.scan(
            ENGAGED.name,
            key,
            key + b"\x00",
            limit=1,
            columns_from=b"" if before is None else column_of(before) + b"\x00",
            cells_per_row=limit,
        )
        if not rows:
            return IdSlice((), None)
        known = {
            column: tweet for column in rows[0].cells if (tweet := tweet_of(column)) is not None
        }
        ids = tuple(
            tweet for column, tweet in known.items() if removed or is_active(rows[0], column)
        )
        full = len(rows[0].cells) == limit and known
        return IdSlice(ids, min(known.values()) if full else None)

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> dict[Kind, list[int]]:
        """Read the cells that decide, in one read.

        Not those of the user's wide rows: of many columns an engine reads the row whole.
        """
        edges = {
            deciding_cell(edge): edge
            for kind in USER_KINDS
            for tweet_id in tweet_ids
            for edge in [Edge(kind, user_id, tweet_id)]
        }
        cells = await self._rows.read_cells(edges)
        found: dict[Kind, list[int]] = {kind: [] for kind in USER_KINDS}
        for name, edge in edges.items():
            if is_set(cells.get(name)):
                found[edge.kind].append(edge.tweet_id)
        return found

    async def done_to(self, kind: Kind, tweet_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read actors from rows of edges."""
        keys = kind_range(kind, tweet_id, after)
        rows = await self._rows.scan(ENGAGERS.name, keys.start, keys.end, limit=limit)
        known = [(edge.actor_id, is_active(row)) for row in rows if (edge := edge_of(row))]
        ids = tuple(actor_id for actor_id, active in known if active)
        return IdSlice(ids, known[-1][0] if known and len(rows) == limit else None)

    async def forget_actor(self, kind: Kind, actor_id: int) -> None:
        """Delete the actor's row, and the tombstones in it."""
        key = engaged_row_key(kind, actor_id)
        await self._rows.mutate([RowMutation(ENGAGED.name, key, delete_row=True)])

    async def edges_of(self, tweet_id: int, *, limit: int) -> list[Edge]:
        """Read rows of edges."""
        keys = engagers_range(tweet_id)
        rows = await self._rows.scan(ENGAGERS.name, keys.start, keys.end, limit=limit)
        return [edge for row in rows if (edge := edge_of(row))]

    async def forget_tweet(self, tweet_id: int, *, limit: int) -> bool:
        """Delete rows of edges and the actors' cells, then the counts."""
        keys = engagers_range(tweet_id)
        rows = await self._rows.scan(ENGAGERS.name, keys.start, keys.end, limit=limit)
        edges = [edge for row in rows if (edge := edge_of(row))]
        # The row that leads to an actor's cell goes last, or that would be lost.
        gone = [
            RowMutation(
                ENGAGED.name,
                engaged_row_key(edge.kind, edge.actor_id),
                deletes=[column_of(tweet_id)],
            )
            for edge in edges
        ]
        gone += [RowMutation(ENGAGERS.name, row.key, delete_row=True) for row in rows]
        last = len(rows) < limit
        if last:
            gone += [
                RowMutation(TWEET_COUNTS.name, count_row_key(tweet_id, part), delete_row=True)
                for part in range(COUNT_PARTS)
            ]
        await self._rows.mutate(gone)
        return last
