"""Entries that cannot be published, shown to the operators of queues as dead letters.

An entry stays in its service's outbox, and is tried again each minute. What is kept here, in one
table for all services, says that it was refused and why, and whether an operator has dropped it.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from services.platform.bus.port import DeadLetter, Message
from services.platform.outbox.keys import entry_column, parse_entry_column
from services.platform.outbox.outbox import OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, TableSpec
from services.platform.rows.reading import UNREADABLE, log_unreadable

__all__ = ["COUNTED", "RefusedEntries"]

COUNTED: Final = 10_000
"""Entries of one outbox that are counted, or shown; nobody looks through more."""
_KEY: Final = b"refused#"
"""Before the name of an outbox: one row each, a cell for each entry. Other rows are others'."""
_DROPPED: Final = b"dropped"
"""In place of what is said of an entry that is to be published no more."""


class _Listed(NamedTuple):
    cell: CellName
    said: bytes
    """What the cell held."""
    letter: DeadLetter


class RefusedEntries:
    """What is refused of the outboxes of all services. Raises `UnavailableError`.

    `opened` gives the rows, which may yet have to be opened. Every method may be repeated.
    """

    def __init__(self, opened: Callable[[], Awaitable[RowStore]], table: TableSpec) -> None:
        self._opened = opened
        self._table = table.name

    async def record(self, outbox: str, entry: OutboxEntry, reason: str) -> bool:
        """Say that an entry is refused; true where an operator has dropped it meanwhile."""
        rows = await self._opened()
        cell = CellName(self._table, _KEY + outbox.encode(), entry_column(entry.id))
        known = (await rows.read_cells([cell])).get(cell)
        before = None if known is None else known.value
        said = json.dumps([reason, entry.topic, len(entry.data)]).encode()
        if before not in {_DROPPED, said}:
            # Not over what an operator does at this moment.
            before = await swap_cell(rows, cell, before, said)
        return before == _DROPPED

    async def forget(self, outbox: str, ids: Sequence[int]) -> None:
        """Say nothing more of entries: they were published, or given up for good."""
        columns = tuple(map(entry_column, ids))
        await (await self._opened()).mutate(
            [RowMutation(self._table, _KEY + outbox.encode(), deletes=columns)]
        )

    async def dead_letters(self, outbox: str) -> int:
        """Count what is refused and not dropped, `COUNTED` at most."""
        return len(await self.list_dead_letters(outbox, limit=COUNTED))

    async def list_dead_letters(self, outbox: str, *, limit: int) -> Sequence[DeadLetter]:
        """Give what is refused and not dropped, in the order of ids."""
        listed = await self._listed(await self._opened(), outbox)
        return [each.letter for each in listed[:limit]]

    async def redrive(self, outbox: str, *, limit: int) -> int:
        """Take them off the list; those that are refused again at the next try are back on it."""
        rows = await self._opened()
        return await self._changed(rows, (await self._listed(rows, outbox))[:limit], None)

    async def drop_dead_letters(self, outbox: str, ids: Sequence[str]) -> int:
        """Have the service give these up at its next try; returns how many of them there were."""
        rows = await self._opened()
        wanted = [each for each in await self._listed(rows, outbox) if each.letter.id in ids]
        return await self._changed(rows, wanted, _DROPPED)

    async def _changed(self, rows: RowStore, listed: Sequence[_Listed], after: bytes | None) -> int:
        """Change what is still as it was listed; what somebody else has changed stays so."""
        swaps = [await swap_cell(rows, each.cell, each.said, after) for each in listed]
        return sum(found == each.said for found, each in zip(swaps, listed, strict=True))

    async def _listed(self, rows: RowStore, outbox: str) -> Sequence[_Listed]:
        key = _KEY + outbox.encode()
        found = await rows.scan(self._table, key, key + b"\0", limit=1, cells_per_row=COUNTED)
        return [listed for row in found for listed in self._letters(row)]

    def _letters(self, row: Row) -> Sequence[_Listed]:
        letters = []
        for column, value in row.cells.items():
            if value == _DROPPED:
                continue
            try:
                entry_id = parse_entry_column(column)
                reason, topic, size, *_ = json.loads(value)  # a newer version may say more
                raw = {b"topic": topic.encode(), b"bytes": b"%d" % size}
                letter = DeadLetter(str(entry_id), Message(b""), str(reason), raw)
                letters.append(_Listed(CellName(self._table, row.key, column), value, letter))
            except UNREADABLE as error:
                log_unreadable(self._table, row, error)
        return letters
