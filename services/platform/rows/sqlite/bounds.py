"""How many cells of a row have a value, and whether there is room for more."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from services.platform.rows.port import Bound, Room
from services.platform.rows.sqlite.statements import TableSql

__all__ = ["beyond", "keep_places", "nearly_full"]

ALL = -1
"""To SQLite, a limit that is none."""


def nearly_full(
    connection: sqlite3.Connection, bounds: Collection[Bound], tables: Mapping[str, TableSql]
) -> Sequence[tuple[Bound, int]]:
    """Those that a batch might break, each with how many cells have its value before.

    The others cost one look at as many cells as have the value.
    """
    return [
        (bound, _having(connection, bound, tables))
        for bound in bounds
        if _having(connection, bound, tables, bound.most + 1) + bound.rise > bound.most
    ]


def beyond(
    connection: sqlite3.Connection,
    nearly: Sequence[tuple[Bound, int]],
    tables: Mapping[str, TableSql],
) -> frozenset[tuple[str, bytes]]:
    """Rows, each (table, key), whose bound is broken by what was done since."""
    return frozenset(
        (bound.table, bound.key)
        for bound, before in nearly
        if _having(connection, bound, tables) > max(bound.most, before)
    )


def keep_places(  # noqa: PLR0913, PLR0917 - those of the port
    connection: sqlite3.Connection,
    sql: TableSql,
    key: bytes,
    columns: Collection[bytes],
    timestamp_ms: int,
    room: Room,
) -> bool:
    """Set cells that keep places, inside the open transaction; false where there is no room."""
    (counted,) = connection.execute(sql.count_value, (key, room.value, room.most + 1)).fetchone()
    (kept,) = connection.execute(
        sql.count_young, (key, room.kept_from, room.young_from_ms)
    ).fetchone()
    if counted + kept + len(columns) > room.most:
        return False
    rows = [(key, column, b"", timestamp_ms) for column in columns]
    connection.executemany(sql.force, rows)
    return True


def _having(
    connection: sqlite3.Connection,
    bound: Bound,
    tables: Mapping[str, TableSql],
    most: int = ALL,
) -> int:
    """Count the cells of a row that have a value, up to `most`."""
    sql = tables[bound.table].count_value
    found: tuple[int] = connection.execute(sql, (bound.key, bound.value, most)).fetchone()
    return found[0]
