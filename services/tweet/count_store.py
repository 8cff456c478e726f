"""How many tweets each author has, as rows: counted from the author's list.

What is older than a while is counted once and kept: a row has the cell `total`, with the id up to
which it counts, and one cell for each slice of the list. What came since is counted by whoever
reads, so that a post writes nothing here. A change of what is kept has its slice counted anew, and
written if the total still is as it was read before that. Each write makes the total another, by its
revision, also where the number stays; so what was counted before a change never comes after it,
however often a change is told, in which order, and by how many processes.

Nothing is kept of an author whom nobody asked about; where something of theirs changes that others
may just be counting, the total says that it is not counted, with a revision of its own.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.platform.errors import UnavailableError
from services.platform.rows.keys import KeyRange, user_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.tweet.keys import DELETED, LISTED, author_span, parse_author_row_key
from services.tweet.model import AuthorTotal
from services.tweet.spec import AUTHOR_COUNTS, TWEETS_BY_AUTHOR

__all__ = ["RowAuthorCounts"]

SLICE_BITS: Final = 49
"""Of an id within a slice: 27 of them are milliseconds, 37 hours. Who posts every day has 236 a
year, of some twenty bytes each, and a deletion has one of them counted anew."""
NEW_PLACES: Final = 100
"""Places in a list that a reader looks at, behind what is kept; longer ones are counted first."""
ROWS_PER_SCAN: Final = 1_000
"""Places in lists read at once: some milliseconds, which others wait for."""
CHECKS_AT_ONCE: Final = 32
"""Rows written at the same time; a store may commit them together."""
MAX_ROUNDS: Final = 8
"""Counts of an author that others count at the same time; each lost one means that another won."""

_TOTAL: Final = b"total"
_FORMAT: Final = struct.Struct(">qQQQ")
_SLICE: Final = struct.Struct(">q")
_IDS_END: Final = 1 << 63
_UNCOUNTED: Final = -1


@dataclass(frozen=True, slots=True)
class _Counted:
    """A row: what is kept of an author."""

    count: int = _UNCOUNTED
    revision: int = 0
    end: int = 0
    """The first id that is not counted in it."""
    listed_ms: int = 0
    """When the whole list was last counted."""
    cell: bytes | None = None
    """What others must find, to write after this."""
    slices: Mapping[int, int] = field(default_factory=dict)
    """How many are in each that is not empty; without a meaning where there is no count."""

    @classmethod
    def read(cls, row: Row | None) -> "_Counted":
        """Read a row; one that is damaged is one that nobody asked for."""
        cell = None if row is None else row.cells.get(_TOTAL)
        if row is None or cell is None or len(cell) != _FORMAT.size:
            return cls(cell=cell)
        count, revision, end, listed_ms = _FORMAT.unpack(cell)
        try:
            slices = {
                int(column, 16): int(_SLICE.unpack(value)[0])
                for column, value in row.cells.items()
                if column != _TOTAL
            }
        except (ValueError, struct.error) as error:
            log_unreadable(AUTHOR_COUNTS.name, row, error)
            slices = {}
        if sum(slices.values()) != count:
            count = _UNCOUNTED
        return cls(count, revision, end, listed_ms, cell, slices)

    def then(self, user_id: int, slices: Mapping[int, int]) -> RowMutation:
        """Say the row after this one, where these slices have other numbers."""
        if self.count == _UNCOUNTED:
            return self._written(user_id, _UNCOUNTED, {}, self.end, self.listed_ms)
        count = sum(slices.values()) + sum(
            number for place, number in self.slices.items() if place not in slices
        )
        return self._written(user_id, count, slices, self.end, self.listed_ms)

    def up_to(self, user_id: int, end: int, slices: Mapping[int, int]) -> RowMutation:
        """Say the row after this one, where these many are more, up to `end`."""
        more = {place: number + self.slices.get(place, 0) for place, number in slices.items()}
        count = self.count + sum(slices.values())
        return self._written(user_id, count, more, end, self.listed_ms)

    def anew(self, user_id: int, end: int, slices: Mapping[int, int], now_ms: int) -> RowMutation:
        """Say the row after this one, whatever it is, of the whole list."""
        count = sum(slices.values())
        return self._written(user_id, count, slices, end, now_ms, replaces=True)

    def _written(  # noqa: PLR0913 - what a row has
        self,
        user_id: int,
        count: int,
        slices: Mapping[int, int],
        end: int,
        listed_ms: int,
        *,
        replaces: bool = False,
    ) -> RowMutation:
        sets = {b"%x" % place: _SLICE.pack(number) for place, number in slices.items() if number}
        sets[_TOTAL] = _FORMAT.pack(count, self.revision + 1, end, listed_ms)
        empty = () if replaces else [b"%x" % each for each, number in slices.items() if not number]
        return RowMutation(
            AUTHOR_COUNTS.name, user_row_key(user_id), sets, empty, delete_row=replaces
        )


class RowAuthorCounts:
    """An `AuthorCounts` on the rows that have the authors' lists."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def totals(self, user_ids: Collection[int]) -> dict[int, AuthorTotal]:
        """Read totals in one read, and what came since in another."""
        cells = await self._rows.read_cells([_total_of(user_id) for user_id in user_ids])
        kept: dict[int, tuple[int, int, int]] = {}
        for user_id in user_ids:
            found = cells.get(_total_of(user_id))
            if found is not None and len(found.value) == _FORMAT.size:
                count, _, end, listed_ms = _FORMAT.unpack(found.value)
                if count != _UNCOUNTED:
                    kept[user_id] = (count, end, listed_ms)
        scans = [
            _scan(author_span(user_id, end, _IDS_END), NEW_PLACES)
            for user_id, (_, end, _) in kept.items()
        ]
        new = zip(kept.items(), await self._rows.scan_many(scans) if scans else [], strict=True)
        return {
            user_id: AuthorTotal(count + sum(map(_is_live, rows)), end, len(rows), listed_ms)
            for (user_id, (count, end, listed_ms)), rows in new
            if len(rows) < NEW_PLACES
        }

    async def settle(self, changed: Mapping[int, Collection[int]]) -> None:
        """Count what is told to have changed of what is kept, for all authors in a few reads."""
        left = dict(changed)
        for _ in range(MAX_ROUNDS):
            before = await self._read(left)
            slices = await self._counted_anew(before, left)
            changes = {user_id: before[user_id].then(user_id, slices[user_id]) for user_id in left}
            lost = await self._lost(before, changes)
            left = {user_id: left[user_id] for user_id in lost}
            if not left:
                return
        raise UnavailableError("These lists are changing too fast to be counted.")

    async def count(self, user_id: int, *, end: int, now_ms: int, relist_before_ms: int) -> int:
        """Count what came since, or the whole list, and keep what is below `end` of it."""
        count = 0
        for _ in range(MAX_ROUNDS):
            before = await self._read([user_id])
            kept = before[user_id]
            whole = kept.count == _UNCOUNTED or kept.listed_ms < relist_before_ms
            ids = await self._live(user_id, 0 if whole else kept.end)
            count = len(ids) if whole else kept.count + len(ids)
            if not whole and end <= kept.end:
                break
            slices = Counter(each >> SLICE_BITS for each in ids if each < end)
            if whole:
                change = kept.anew(user_id, end, slices, now_ms)
            else:
                change = kept.up_to(user_id, end, slices)
            if not await self._lost(before, {user_id: change}):
                break
        # Whoever changes the list all the time gets what it was a moment ago.
        return count

    async def _read(self, user_ids: Iterable[int]) -> dict[int, _Counted]:
        keys = {user_id: user_row_key(user_id) for user_id in user_ids}
        rows = await self._rows.read_rows(AUTHOR_COUNTS.name, list(keys.values()))
        return {user_id: _Counted.read(rows.get(key)) for user_id, key in keys.items()}

    async def _counted_anew(
        self, before: Mapping[int, _Counted], changed: Mapping[int, Collection[int]]
    ) -> dict[int, dict[int, int]]:
        """Count each slice that has any of the ids, as far as it is kept, of each author."""
        found: dict[int, dict[int, int]] = {user_id: {} for user_id in changed}
        spans = {
            (user_id, place): author_span(
                user_id,
                place << SLICE_BITS,
                min((place + 1) << SLICE_BITS, before[user_id].end),
            )
            for user_id, ids in changed.items()
            if before[user_id].count != _UNCOUNTED
            for place in {each >> SLICE_BITS for each in ids if each < before[user_id].end}
        }
        counts = await self._live_in(list(spans.values()))
        for (user_id, place), count in zip(spans, counts, strict=True):
            found[user_id][place] = count
        return found

    async def _lost(
        self, before: Mapping[int, _Counted], changes: Mapping[int, RowMutation]
    ) -> list[int]:
        """Write rows whose total still is as it was; gives those that others wrote first."""
        room = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def lost(user_id: int, change: RowMutation) -> bool:
            expected = before[user_id].cell
            async with room:
                name = _total_of(user_id)
                return await self._rows.check_and_mutate(*name, expected, change) != expected

        each_lost = await asyncio.gather(*(lost(*each) for each in changes.items()))
        return [user_id for user_id, was in zip(changes, each_lost, strict=True) if was]

    async def _live(self, user_id: int, first: int) -> list[int]:
        keys, found = author_span(user_id, first, _IDS_END), list[int]()
        while True:
            rows = await self._rows.scan(
                TWEETS_BY_AUTHOR.name, keys.start, keys.end, limit=ROWS_PER_SCAN
            )
            found += [each for row in rows if (each := _id_of(row)) is not None]
            if len(rows) < ROWS_PER_SCAN:
                return found
            keys = _behind(rows, keys)

    async def _live_in(self, spans: Sequence[KeyRange]) -> list[int]:
        """Count what is in each span of keys."""
        counts = [0] * len(spans)
        left = dict(enumerate(spans))
        while left:
            scans = [_scan(keys, ROWS_PER_SCAN) for keys in left.values()]
            rest: dict[int, KeyRange] = {}
            each = zip(left.items(), await self._rows.scan_many(scans), strict=True)
            for (place, keys), rows in each:
                counts[place] += sum(map(_is_live, rows))
                if len(rows) == ROWS_PER_SCAN:
                    rest[place] = _behind(rows, keys)
            left = rest
        return counts


def _total_of(user_id: int) -> CellName:
    return CellName(AUTHOR_COUNTS.name, user_row_key(user_id), _TOTAL)


def _scan(keys: KeyRange, limit: int) -> Scan:
    return Scan(TWEETS_BY_AUTHOR.name, keys.start, keys.end, limit)


def _behind(rows: Sequence[Row], keys: KeyRange) -> KeyRange:
    return KeyRange(rows[-1].key + b"\x00", keys.end)


def _is_live(row: Row) -> bool:
    return LISTED in row.cells and DELETED not in row.cells


def _id_of(row: Row) -> int | None:
    """Read which tweet a place in a list is of; None for none."""
    if not _is_live(row):
        return None
    try:
        return parse_author_row_key(row.key)[1]
    except UNREADABLE as error:
        log_unreadable(TWEETS_BY_AUTHOR.name, row, error)
        return None
