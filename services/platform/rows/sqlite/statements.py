"""The SQL of one table of cells, and row changes in terms of it."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from services.platform.rows.port import Row, RowMutation, TableSpec

__all__ = ["TableSql"]

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TableSql:
    """Statements for one table; BLOBs compare byte by byte, which is the port's order."""

    create: str
    merge: str
    force: str
    delete_cell: str
    delete_row: str
    get: str
    get_row: str
    scan: str
    next_key: str
    slice: str
    expire: str

    @classmethod
    def of(cls, spec: TableSpec) -> "TableSql":
        """Build the statements; a name that is no plain identifier raises `ValueError`."""
        if not _TABLE_NAME.fullmatch(spec.name):
            raise ValueError(f"table name {spec.name!r}: want {_TABLE_NAME.pattern}")
        table = f'"{spec.name}"'
        # Only the vetted table name is spliced into the text; every value is a parameter.
        upsert = (
            f"INSERT INTO {table} (key, col, value, ts) VALUES (?, ?, ?, ?) "  # noqa: S608
            "ON CONFLICT (key, col) DO UPDATE SET value = excluded.value, ts = excluded.ts"
        )
        create = (
            f"CREATE TABLE IF NOT EXISTS {table} (key BLOB NOT NULL, col BLOB NOT NULL, "
            "value BLOB NOT NULL, ts INTEGER NOT NULL, PRIMARY KEY (key, col)) WITHOUT ROWID;"
        )
        if spec.max_age_s is not None:
            create += f'CREATE INDEX IF NOT EXISTS "{spec.name}_ts" ON {table} (ts);'
        return cls(
            create=create,
            merge=f"{upsert} WHERE excluded.ts >= {table}.ts",
            force=upsert,
            delete_cell=f"DELETE FROM {table} WHERE key = ? AND col = ?",  # noqa: S608
            delete_row=f"DELETE FROM {table} WHERE key = ?",  # noqa: S608
            get=f"SELECT value, ts FROM {table} WHERE key = ? AND col = ?",  # noqa: S608
            get_row=f"SELECT col, value FROM {table} WHERE key = ? ORDER BY col",  # noqa: S608
            scan=(
                f"SELECT key, col, value FROM {table} "  # noqa: S608
                "WHERE key >= ? AND key < ? AND col >= ? ORDER BY key, col"
            ),
            next_key=(
                f"SELECT key FROM {table} WHERE key > ? AND key < ? "  # noqa: S608
                "ORDER BY key LIMIT 1"
            ),
            slice=(
                f"SELECT col, value FROM {table} "  # noqa: S608
                "WHERE key = ? AND col >= ? ORDER BY col LIMIT ?"
            ),
            expire=(
                f"DELETE FROM {table} WHERE (key, col) IN "  # noqa: S608
                f"(SELECT key, col FROM {table} WHERE ts < ? LIMIT ?)"
            ),
        )

    def slices(
        self,
        connection: sqlite3.Connection,
        keys: tuple[bytes, bytes],
        columns_from: bytes,
        cells: int,
    ) -> Iterator[Row]:
        """Read the first `cells` of each row of a key range, (start, end), by rising key.

        Each row costs two looks into the index, however wide it is.
        """
        key, end = keys
        while key < end:
            found = dict(connection.execute(self.slice, (key, columns_from, cells)))
            if found:
                yield Row(key, found)
            after = connection.execute(self.next_key, (key, end)).fetchone()
            if after is None:
                return
            key = after[0]

    def apply(self, connection: sqlite3.Connection, mutation: RowMutation, now_ms: int) -> None:
        """Make one row change inside the open transaction."""
        if mutation.delete_row:
            connection.execute(self.delete_row, (mutation.key,))
        for column in mutation.deletes:
            connection.execute(self.delete_cell, (mutation.key, column))
        undated = mutation.timestamp_ms is None
        timestamp_ms = now_ms if mutation.timestamp_ms is None else mutation.timestamp_ms
        connection.executemany(
            self.force if undated else self.merge,
            [
                (mutation.key, column, value, timestamp_ms)
                for column, value in mutation.sets.items()
            ],
        )
