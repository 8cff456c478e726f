"""A reader's list as rows: one row a day, one column an entry."""

from collections.abc import Iterable

from services.notification.keys import entry_column, entry_of, entry_row_key
from services.notification.model import Entry
from services.notification.spec import ENTRIES
from services.platform.rows.port import Row, RowMutation
from services.platform.rows.reading import UNREADABLE, log_unreadable

__all__ = ["entries_of", "entry_mutation"]

_ID_BYTES = 8


def entry_mutation(user_id: int, entry: Entry, *, gone: bool = False) -> RowMutation:
    """Build the write of an entry, or its deletion."""
    key, column = entry_row_key(user_id, entry.position), entry_column(entry)
    if gone:
        return RowMutation(ENTRIES.name, key, deletes=[column])
    author = entry.author_id.to_bytes(_ID_BYTES, "big") if entry.author_id else b""
    return RowMutation(ENTRIES.name, key, {column: author})


def entries_of(rows: Iterable[Row]) -> list[Entry]:
    """Read the entries of days, in their order; columns that are none are left out."""
    found: list[Entry] = []
    for row in rows:
        for column, value in row.cells.items():
            try:
                found.append(entry_of(column, value))
            except UNREADABLE as error:
                log_unreadable(ENTRIES.name, row, error)
    return found
