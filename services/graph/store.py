"""The graph on rows: its edges, counted by `RowFollowCounts`."""

from collections.abc import Collection, Sequence

from services.graph.commits import RowCommits
from services.graph.count_store import RowFollowCounts
from services.graph.edge_rows import (
    ACTIVE,
    cells_of,
    column_of,
    deciding_cell,
    is_active,
    members,
    other_of,
    state_of,
)
from services.graph.keys import edge_range, parse_others
from services.graph.model import Change, Commit, Edge, Related, StoredEdge
from services.graph.muted_word_rows import all_muted_by, words_in
from services.graph.spec import (
    BLOCKED_BY,
    BLOCKING,
    FOLLOWERS,
    FOLLOWING,
    MUTING,
    PROTECTED,
    REQUESTED,
    REQUESTING,
)
from services.platform.ids.slices import IdSlice
from services.platform.outbox.outbox import Commits
from services.platform.rows.keys import parse_user_row_key, user_row_key
from services.platform.rows.port import (
    CellName,
    Row,
    RowMutation,
    RowStore,
    Scan,
    TableSpec,
)
from services.platform.runtime.clock import Clock

__all__ = ["RowGraphStore"]


_PROTECTED = b"protected"
_YES, _NO = b"1", b"0"


class RowGraphStore(RowFollowCounts):
    """A `GraphStore` on a `RowStore` and an outbox over the same rows."""

    def __init__(self, rows: RowStore, outbox: Commits, clock: Clock) -> None:
        super().__init__(rows)
        self._commits = RowCommits(rows, outbox, clock, self.tallies)

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
        await self._commits.commit(change, event)

    async def commit_all(self, commits: Sequence[Commit]) -> frozenset[int]:
        """Write the cells of many changes and their events together."""
        return await self._commits.commit_all(commits)

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

    async def requesting(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read whom the user asks to follow, from a slice of one wide row."""
        return await self._slice(REQUESTING, user_id, after, limit)

    async def requesters(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Read who asks to follow the user, from a slice of one wide row."""
        return await self._slice(REQUESTED, user_id, after, limit)

    async def protected(self, user_ids: Collection[int]) -> frozenset[int]:
        """Read which of the users are protected."""
        if not user_ids:
            return frozenset()
        keys = [user_row_key(user_id) for user_id in user_ids]
        rows = await self._rows.read_rows(PROTECTED.name, keys)
        return frozenset(
            parse_user_row_key(key)
            for key, row in rows.items()
            if row.cells.get(_PROTECTED) == _YES
        )

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> None:
        """Write it, dated by the revision, so that a late call undoes no later one."""
        cells = {_PROTECTED: _YES if protected else _NO}
        key = user_row_key(user_id)
        await self._rows.mutate([RowMutation(PROTECTED.name, key, cells, timestamp_ms=revision)])

    async def related(self, user_ids: Sequence[int], following: int, hidden: int) -> list[Related]:
        """Read the first slices of each user's four wide rows, and muted words, in one read."""
        limits = {FOLLOWING: following, MUTING: hidden, BLOCKING: hidden, BLOCKED_BY: hidden}
        scans = [
            _first_of(table, user_id, limit)
            for user_id in user_ids
            for table, limit in limits.items()
        ]
        found = await self._rows.scan_many([*scans, *map(all_muted_by, user_ids)])
        lists, muted = iter(found[: len(scans)]), found[len(scans) :]
        related: list[Related] = []
        for user_id, words in zip(user_ids, muted, strict=True):
            followed, *unseen = [
                _slice_of(rows, limit) or await self._slice(table, user_id, None, limit)
                for (table, limit), rows in zip(limits.items(), lists, strict=False)
            ]
            related.append(Related(followed, tuple(unseen), words_in(words)))
        return related

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

    async def _slice(
        self, table: TableSpec, user_id: int, after: int | None, limit: int
    ) -> IdSlice:
        key, ids = user_row_key(user_id), list[int]()
        columns_from = b"" if after is None else column_of(after) + b"\x00"
        while True:
            scan = Scan(table.name, key, key + b"\x00", 1, columns_from, limit, value=ACTIVE)
            (rows,) = await self._rows.scan_many([scan])
            ids += [one for row in rows for one in members(row)]
            if (found := _slice_of(rows, limit)) is not None:
                return IdSlice(tuple(ids), found.resume_after)
            # Nobody can go on from a column that is nobody's.
            columns_from = max(rows[0].cells) + b"\x00"


def _first_of(table: TableSpec, user_id: int, limit: int) -> Scan:
    """Ask for the beginning of a wide row."""
    key = user_row_key(user_id)
    # Those alone who are there: each block leaves a mark that nobody follows by it.
    return Scan(table.name, key, key + b"\x00", 1, cells_per_row=limit, value=ACTIVE)


def _followers_of(rows: Sequence[Row], limit: int) -> IdSlice:
    """Read what was scanned of rows of edges."""
    ids = parse_others([row.key for row in rows if is_active(row)])
    full = len(rows) == limit
    return IdSlice(ids, parse_others([rows[-1].key])[0] if full else None)


def _slice_of(rows: Sequence[Row], limit: int) -> IdSlice | None:
    """Read what was scanned of a wide row; None where nobody could go on from its end."""
    ids = tuple(one for row in rows for one in members(row))
    if not rows or len(rows[0].cells) < limit:
        return IdSlice(ids, None)
    resume_after = other_of(max(rows[0].cells))
    return None if resume_after is None else IdSlice(ids, resume_after)
