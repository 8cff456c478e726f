"""The follow graph as rows: each edge is kept from both ends, and followers are counted.

Both ends carry the change's own timestamp, and an unfollow is a tombstone value, so that the last
writer wins on each of them whatever order the writes arrive in.
"""

from collections.abc import Sequence
from typing import Protocol

from services.bus.topology import GRAPH_EVENTS
from services.graph.model import EdgeChange, FollowerSlice
from services.storage.keys import edge_range, edge_row_key, parse_edge_row_key
from services.storage.outbox import OutboxEntry
from services.storage.rows import RowMutation, RowStore, TableSpec

__all__ = ["TABLES", "EdgeOutbox", "RowGraphStore"]


_FOLLOWING = TableSpec("following")
_FOLLOWERS = TableSpec("followers")
_COUNTS = TableSpec("follow_counts")

TABLES = (_FOLLOWING, _FOLLOWERS, _COUNTS)
"""One wide row per follower with a column per followee; one row per edge, by followee; counters."""

_STATE = b"state"
_COUNT = b"followers"
_ACTIVE = b"1"
_TOMBSTONE = b"0"
_ID_BYTES = 8


class EdgeOutbox(Protocol):
    """Where changes go: `services.storage.outbox`, with or without its relay."""

    async def commit(self, mutations: Sequence[RowMutation], entry: OutboxEntry) -> None:
        """Make the mutations durable and the entry published at least once."""
        ...


class RowGraphStore:
    """A `GraphStore` on a `RowStore` and an outbox over the same rows."""

    def __init__(self, rows: RowStore, outbox: EdgeOutbox) -> None:
        self._rows = rows
        self._outbox = outbox

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        """See `GraphStore.is_following`.

        Reads the end that `commit` writes last: once it shows a change, so does the other.
        """
        key = edge_row_key(followee_id, follower_id)
        row = (await self._rows.read_rows(_FOLLOWERS.name, [key])).get(key)
        return row is not None and row.cells[_STATE] == _ACTIVE

    async def commit(self, change: EdgeChange, event: bytes) -> None:
        """See `GraphStore.commit`."""
        state = _ACTIVE if change.following else _TOMBSTONE
        following = RowMutation(
            _FOLLOWING.name,
            _user_key(change.follower_id),
            {change.followee_id.to_bytes(_ID_BYTES, "big"): state},
            timestamp_ms=change.timestamp_ms,
        )
        followers = RowMutation(
            _FOLLOWERS.name,
            edge_row_key(change.followee_id, change.follower_id),
            {_STATE: state},
            timestamp_ms=change.timestamp_ms,
        )
        entry = OutboxEntry(change.op_id, GRAPH_EVENTS, event)
        await self._outbox.commit([following, followers], entry)

    async def following(self, user_id: int) -> list[int]:
        """See `GraphStore.following`."""
        key = _user_key(user_id)
        row = (await self._rows.read_rows(_FOLLOWING.name, [key])).get(key)
        if row is None:
            return []
        return [
            int.from_bytes(column, "big") for column, state in row.cells.items() if state == _ACTIVE
        ]

    async def followers(self, user_id: int, *, after: int | None, limit: int) -> FollowerSlice:
        """See `GraphStore.followers`."""
        keys = edge_range(user_id, after)
        rows = await self._rows.scan(_FOLLOWERS.name, keys.start, keys.end, limit=limit)
        ids = tuple(parse_edge_row_key(row.key)[1] for row in rows if row.cells[_STATE] == _ACTIVE)
        full = len(rows) == limit
        return FollowerSlice(ids, parse_edge_row_key(rows[-1].key)[1] if full else None)

    async def add_to_follower_count(self, user_id: int, delta: int) -> None:
        """See `GraphStore.add_to_follower_count`."""
        await self._rows.increment(_COUNTS.name, _user_key(user_id), _COUNT, delta)

    async def follower_counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """See `GraphStore.follower_counts`."""
        rows = await self._rows.read_rows(_COUNTS.name, [_user_key(user) for user in user_ids])
        return {int(key, 16): _decode_count(row.cells[_COUNT]) for key, row in rows.items()}

    async def correct_follower_count(self, user_id: int, seen: int | None, exact: int) -> None:
        """See `GraphStore.correct_follower_count`."""
        key = _user_key(user_id)
        mutation = RowMutation(
            _COUNTS.name,
            key,
            # The delete does not look at timestamps: without it a cell from a clock that was
            # ahead would outlive the correction.
            deletes=(_COUNT,),
            sets={_COUNT: _encode_count(exact)},
        )
        expected = None if seen is None else _encode_count(seen)
        await self._rows.check_and_mutate(_COUNTS.name, key, _COUNT, expected, mutation)


def _user_key(user_id: int) -> bytes:
    return f"{user_id:016x}".encode()


def _encode_count(count: int) -> bytes:
    return count.to_bytes(_ID_BYTES, "big", signed=True)


def _decode_count(cell: bytes) -> int:
    return int.from_bytes(cell, "big", signed=True)
