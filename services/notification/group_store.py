"""Groups on rows: a row for each reader, kind and tweet, with a cell for each actor.

The row's `days` cell has its groups as pages read them. It is changed by compare-and-set, together
with the cells of the actors, so that of processes that change a row at once each sees what the
others did: every actor is counted once. A reader's list is in other rows, and follows: the entry of
a new position is written before the group says it, that of an old one is deleted after. In between,
an entry counts only if its group says that this is its position.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.notification.entry_rows import entry_mutation
from services.notification.group_cells import DAYS, MEMBERS
from services.notification.grouping import grown, is_short, refilled
from services.notification.keys import actor_of, group_row_key, member_column
from services.notification.model import Days, Deed, Entry, GroupKey, Member
from services.notification.spec import GROUPS
from services.platform.errors import UnavailableError
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation, RowStore
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.platform.runtime.clock import Clock
from services.platform.runtime.turns import Turns

__all__ = ["DAYS_COLUMN", "RowGroups"]

DAYS_COLUMN: Final = b"days"
MAX_ATTEMPTS: Final = 20
"""Tries to change a row; each lost one means that another process changed it."""
ROWS_AT_ONCE: Final = 32
"""Rows changed at the same time: the engine commits them together, and has room for others."""
CELLS_PER_READ: Final = 16
"""Cells of a row that are read by name together. Of more an engine may read the whole row, which
has a cell for each actor: a million, where a million like a tweet."""
MEMBERS_PER_SCAN: Final = 1_000
"""Actors read at once to find the newest; only where many who were kept have taken it back."""
MAX_SCANNED: Final = 10_000
"""Actors among whom the newest are looked for: of a greater row those who are found there stand for
them, as nobody is to make it be read again and again."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a row that is to be tried."""

    key: GroupKey
    found: bytes | None
    """The days cell as read."""
    before: Days
    after: Days
    members: Mapping[int, Member]


class RowGroups:
    """`Groups` on a `RowStore`."""

    def __init__(self, rows: RowStore, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def apply(self, deeds: Sequence[Deed]) -> None:
        """Change each row once for all deeds, and again where another process was faster."""
        left: dict[GroupKey, list[Deed]] = {}
        for deed in deeds:
            left.setdefault(deed.key, []).append(deed)
        written: dict[GroupKey, set[int]] = {}
        for _ in range(MAX_ATTEMPTS):
            if not left:
                return
            changes = await self._planned(left, written)
            await self._write_entries(changes)
            for change in changes:
                written.setdefault(change.key, set()).update(change.after.positions)
            won = await self._try(changes)
            await self._delete_left(won)
            left = {key: left[key] for key in {each.key for each in changes} - {*_keys(won)}}
        raise UnavailableError("what many do at once to one tweet is changing too fast")

    async def days(self, keys: Collection[GroupKey]) -> dict[GroupKey, Days]:
        """Read one cell of each row."""
        cells = await self._rows.read_cells([_days_cell(key) for key in keys])
        found, turns = dict[GroupKey, Days](), Turns()
        for key in keys:
            if (cell := cells.get(_days_cell(key))) is not None:
                found[key] = _decoded_days(key, cell.value)
                await turns.after(len(cell.value))
        return found

    async def _planned(
        self, deeds: Mapping[GroupKey, Sequence[Deed]], written: Mapping[GroupKey, set[int]]
    ) -> list[_Change]:
        """Read what deeds may change, and plan it; a row of which all is known is left out."""
        cells = await self._cells(deeds)
        changes, turns = list[_Change](), Turns()
        for key, own in deeds.items():
            cell = cells.get(_days_cell(key))
            found = None if cell is None else cell.value
            await turns.after(len(found or b""))
            before = Days() if found is None else _decoded_days(key, found)
            after, members = grown(key, before, _members(cells, own), own, self._clock.now_ms())
            # What a lost try has written of entries is not to stay.
            orphans = written.get(key, set()) - after.positions.keys() - {*after.left}
            after = replace(after, left=(*after.left, *sorted(orphans)))
            if members or after.left:
                after = await self._refilled(key, after, members)
                changes.append(_Change(key, found, before, after, members))
        return changes

    async def _cells(self, deeds: Mapping[GroupKey, Sequence[Deed]]) -> dict[CellName, DatedCell]:
        """Read the days of rows and the actors of deeds.

        The days are read no later than any actor: so actors are as read if the days, which change
        with each of them, still are as read.
        """
        first = list[CellName]()
        parts = list[list[CellName]]()
        for key, own in deeds.items():
            members = {_member_cell(key, deed.actor_id): None for deed in own}
            names = [_days_cell(key), *members]
            first += names[:CELLS_PER_READ]
            for at, start in enumerate(range(CELLS_PER_READ, len(names), CELLS_PER_READ)):
                if at == len(parts):
                    parts.append([])
                parts[at] += names[start : start + CELLS_PER_READ]
        cells = await self._rows.read_cells(first)
        for more in await asyncio.gather(*map(self._rows.read_cells, parts)):
            cells |= more
        return cells

    async def _refilled(self, key: GroupKey, days: Days, changed: Mapping[int, Member]) -> Days:
        short = {day: group for day, group in days.days.items() if is_short(group)}
        if not short:
            return days
        members = {**await self._scanned(key), **changed}
        full = {day: refilled(group, day, members) for day, group in short.items()}
        return replace(days, days={**days.days, **full})

    async def _scanned(self, key: GroupKey) -> dict[int, Member]:
        """Read the first `MAX_SCANNED` actors of a row."""
        row_key, columns_from, members = group_row_key(key), member_column(0), dict[int, Member]()
        for _ in range(0, MAX_SCANNED, MEMBERS_PER_SCAN):
            rows = await self._rows.scan(
                GROUPS.name,
                row_key,
                row_key + b"\x00",
                limit=1,
                columns_from=columns_from,
                cells_per_row=MEMBERS_PER_SCAN,
            )
            for row in rows:
                for column, value in row.cells.items():
                    actor_id = actor_of(column)
                    if actor_id is not None and (member := _decoded_member(key, value)):
                        members[actor_id] = member
            if not rows or len(rows[0].cells) < MEMBERS_PER_SCAN:
                break
            columns_from = max(rows[0].cells) + b"\x00"
        return members

    async def _write_entries(self, changes: Sequence[_Change]) -> None:
        """Write entries of new positions, and delete those that were left before."""
        writes = []
        for change in changes:
            known = change.before.positions
            writes += [
                _entry_mutation(change.key, position)
                for position in change.after.positions
                if position not in known
            ]
            writes += [_entry_mutation(change.key, each, gone=True) for each in change.before.left]
        if writes:
            await self._rows.mutate(writes)

    async def _try(self, changes: Sequence[_Change]) -> list[_Change]:
        """Change rows that are still as they were read; gives those that were."""
        room = asyncio.Semaphore(ROWS_AT_ONCE)

        async def tried(change: _Change) -> bool:
            async with room:
                return await self._swap(change)

        won = await asyncio.gather(*map(tried, changes))
        return [change for change, is_won in zip(changes, won, strict=True) if is_won]

    async def _swap(self, change: _Change) -> bool:
        if not change.members and change.after == change.before:
            # All was known; a try before this ended after it had changed the row.
            return True
        gone = frozenset(change.before.left)
        left = tuple(each for each in change.after.left if each not in gone)
        after = replace(change.after, left=left, revision=change.before.revision + 1)
        sets = {DAYS_COLUMN: DAYS.dumps(after)}
        for actor_id, member in change.members.items():
            sets[member_column(actor_id)] = MEMBERS.dumps(member)
        key = group_row_key(change.key)
        found = await self._rows.check_and_mutate(
            GROUPS.name, key, DAYS_COLUMN, change.found, RowMutation(GROUPS.name, key, sets)
        )
        return found == change.found

    async def _delete_left(self, changes: Sequence[_Change]) -> None:
        gone = [
            _entry_mutation(change.key, position, gone=True)
            for change in changes
            for position in change.after.left
        ]
        if gone:
            await self._rows.mutate(gone)


def _keys(changes: Sequence[_Change]) -> list[GroupKey]:
    return [change.key for change in changes]


def _entry_mutation(key: GroupKey, position: int, *, gone: bool = False) -> RowMutation:
    return entry_mutation(key.user_id, Entry(position, key.kind, key.tweet_id), gone=gone)


def _days_cell(key: GroupKey) -> CellName:
    return CellName(GROUPS.name, group_row_key(key), DAYS_COLUMN)


def _member_cell(key: GroupKey, actor_id: int) -> CellName:
    return CellName(GROUPS.name, group_row_key(key), member_column(actor_id))


def _members(cells: Mapping[CellName, DatedCell], deeds: Sequence[Deed]) -> dict[int, Member]:
    members: dict[int, Member] = {}
    for deed in deeds:
        cell = cells.get(_member_cell(deed.key, deed.actor_id))
        if cell is not None and (member := _decoded_member(deed.key, cell.value)) is not None:
            members[deed.actor_id] = member
    return members


def _decoded_days(key: GroupKey, value: bytes) -> Days:
    """Read a cell; one that cannot be read is taken for none, and written anew."""
    try:
        return DAYS.loads(value)
    except UNREADABLE as error:
        log_unreadable(GROUPS.name, Row(group_row_key(key), {}), error)
        return Days()


def _decoded_member(key: GroupKey, value: bytes) -> Member | None:
    try:
        return MEMBERS.loads(value)
    except UNREADABLE as error:
        log_unreadable(GROUPS.name, Row(group_row_key(key), {}), error)
        return None
