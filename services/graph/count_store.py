"""How many follow a user, and how many a user follows, as rows: one for each user.

Where an engine changes many rows together, a commit counts what it changes, and so exactly.
Elsewhere whoever commits adds to the counters after it, and a crash in between leaves them off
until somebody has read a list anyway.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from services.graph.edge_rows import ACTIVE, deciding_cell
from services.graph.model import Change, FollowCounts, Relation
from services.graph.spec import FOLLOW_COUNTS
from services.platform.rows.cells import swap_cell
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import CellName, RowMutation, RowStore, Tally

__all__ = ["RowFollowCounts"]

_FOLLOWERS: Final = b"followers"
_FOLLOWING: Final = b"following"
_LISTED: Final = b"following_listed"
"""Set with the first count of whom a user follows, which was not counted from the beginning."""
_YES: Final = b"1"
_COUNT_BYTES: Final = 8


class RowFollowCounts:
    """The counters of a `GraphStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    @property
    def counts_follows(self) -> bool:
        """Whether commits count: where rows and counters change together."""
        return self._rows.atomic_batches

    async def add_to_follower_count(self, user_id: int, delta: int) -> None:
        """Add to the count of a user's followers. Not idempotent."""
        await self._rows.increment(*_counter(user_id, _FOLLOWERS), delta)

    async def add_to_following_count(self, user_id: int, delta: int) -> None:
        """Add to the count of those whom a user follows. Not idempotent."""
        await self._rows.increment(*_counter(user_id, _FOLLOWING), delta)

    async def follow_counts(self, user_ids: Sequence[int]) -> dict[int, FollowCounts]:
        """Read the counters of each user; one that was never made, or is damaged, is None."""
        keys = {user_id: user_row_key(user_id) for user_id in user_ids}
        rows = await self._rows.read_rows(FOLLOW_COUNTS.name, list(keys.values()))
        cells = {user_id: rows[key].cells if key in rows else {} for user_id, key in keys.items()}
        return {user_id: _decode(each) for user_id, each in cells.items()}

    async def follower_counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read follower counts as stored; one that was never made is left out."""
        counts = await self.follow_counts(user_ids)
        return {
            user_id: each.followers
            for user_id, each in counts.items()
            if each.followers is not None
        }

    async def correct_follower_count(self, user_id: int, seen: int | None, exact: int) -> None:
        """Set a count to `exact` if it still is `seen`, by compare-and-set."""
        before = None if seen is None else _encode(seen)
        await swap_cell(self._rows, _counter(user_id, _FOLLOWERS), before, _encode(exact))

    async def correct_following_count(self, user_id: int, seen: int | None, exact: int) -> bool:
        """Set a count and that it was listed, if it still is `seen`; returns whether it was."""
        counter = _counter(user_id, _FOLLOWING)
        before = None if seen is None else _encode(seen)
        change = RowMutation(
            counter.table, counter.key, {_FOLLOWING: _encode(exact), _LISTED: _YES}
        )
        found = await self._rows.check_and_mutate(*counter, before, change)
        if before is None and found is not None and len(found) != _COUNT_BYTES:
            # It is no count, and nobody adds to it.
            before = found
            found = await self._rows.check_and_mutate(*counter, before, change)
        return found == before

    def tallies(self, changes: Sequence[Change]) -> list[Tally]:
        """Have a commit of the changes count all follows that are written, new or not."""
        if not self.counts_follows:
            return []
        cells: dict[CellName, list[CellName]] = {}
        for change in changes:
            for edge in change.edges:
                if edge.relation is Relation.FOLLOW:
                    deciding = deciding_cell(edge)
                    cells.setdefault(_counter(edge.other_id, _FOLLOWERS), []).append(deciding)
                    cells.setdefault(_counter(edge.owner_id, _FOLLOWING), []).append(deciding)
        return [Tally(counter, each, ACTIVE) for counter, each in cells.items()]


def _counter(user_id: int, column: bytes) -> CellName:
    return CellName(FOLLOW_COUNTS.name, user_row_key(user_id), column)


def _decode(cells: Mapping[bytes, bytes]) -> FollowCounts:
    followers, following = (_number(cells.get(each, b"")) for each in (_FOLLOWERS, _FOLLOWING))
    # One that is lost is counted anew, as one that never was.
    return FollowCounts(followers, following, _LISTED in cells and following is not None)


def _encode(count: int) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big", signed=True)


def _number(cell: bytes) -> int | None:
    return int.from_bytes(cell, "big", signed=True) if len(cell) == _COUNT_BYTES else None
