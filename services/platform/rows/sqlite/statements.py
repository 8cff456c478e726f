"""The SQL of one table of cells."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from services.platform.rows.port import Row, TableSpec

__all__ = ["TableSql", "with_names", "with_pairs"]

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TableSql:
    """Statements for one table; BLOBs compare byte by byte, which is the port's order."""

    create: str
    merge: str
    force: str
    merge_joined: str
    """Of keys and columns in one parameter, one after the other, each kind of one length."""
    delete_cell: str
    delete_row: str
    get: str
    get_of_keys: str
    """By a column and `{names}` of rows."""
    get_of_columns: str
    """By a key and `{names}` of columns."""
    get_of_pairs: str
    """By `{pairs}` of rows and columns."""
    get_rows: str
    """By `{names}` of rows."""
    count_value: str
    """Cells of a key that have a value, up to a limit."""
    count_young: str
    """Cells of a key from a column on that are dated at or after a time."""
    scan: str
    next_key: str
    slice: str
    slice_of_value: str
    expire: str
    first_key: str
    expire_range: str

    @classmethod
    def of(cls, spec: TableSpec) -> "TableSql":
        """Build the statements; a name that is no plain identifier raises `ValueError`."""
        if not _TABLE_NAME.fullmatch(spec.name):
            raise ValueError(f"table name {spec.name!r}: want {_TABLE_NAME.pattern}")
        table = f'"{spec.name}"'
        # Only the vetted table name is spliced into the text; every value is a parameter.
        insert = f"INSERT INTO {table} (key, col, value, ts)"
        update = "ON CONFLICT (key, col) DO UPDATE SET value = excluded.value, ts = excluded.ts"
        not_newer = f"WHERE excluded.ts >= {table}.ts"
        upsert = f"{insert} VALUES (?, ?, ?, ?) {update}"
        # Pages that are divided stay fuller on the left. So what is added goes to the right end of
        # its owner's, and what is left behind is seven eighths full, not half.
        order = "key DESC, col DESC" if spec.newest_first else "key, col"
        create = (
            f"CREATE TABLE IF NOT EXISTS {table} (key BLOB NOT NULL, col BLOB NOT NULL, "
            f"value BLOB NOT NULL, ts INTEGER NOT NULL, PRIMARY KEY ({order})) WITHOUT ROWID;"
        )
        if spec.expired is not None:
            # Releases before made one for every table that ages; beside one of those it may be
            # back, which costs time at each write, and harms nothing.
            create += f'DROP INDEX IF EXISTS "{spec.name}_ts";'
        elif spec.max_age_s is not None:
            create += f'CREATE INDEX IF NOT EXISTS "{spec.name}_ts" ON {table} (ts);'
        return cls(
            create=create,
            merge=f"{upsert} {not_newer}",
            force=upsert,
            merge_joined=(
                "WITH RECURSIVE place (at) AS (SELECT 1 UNION ALL "  # noqa: S608
                "SELECT at + ?2 + ?3 FROM place WHERE at + ?2 + ?3 <= length(?1)) "
                f"{insert} SELECT substr(?1, at, ?2), substr(?1, at + ?2, ?3), ?4, ?5 "
                # Without a WHERE its ON would be taken for that of a join.
                f"FROM place WHERE true {update} {not_newer}"
            ),
            delete_cell=f"DELETE FROM {table} WHERE key = ? AND col = ?",  # noqa: S608
            delete_row=f"DELETE FROM {table} WHERE key = ?",  # noqa: S608
            get=f"SELECT value, ts FROM {table} WHERE key = ? AND col = ?",  # noqa: S608
            get_of_keys=(
                f"SELECT key, value, ts FROM {table} "  # noqa: S608
                "WHERE col = ? AND key IN ({names})"
            ),
            get_of_columns=(
                f"SELECT col, value, ts FROM {table} "  # noqa: S608
                "WHERE key = ? AND col IN ({names})"
            ),
            get_of_pairs=(
                "WITH wanted (k, c) AS (VALUES {pairs}) "  # noqa: S608
                # In this order, or the whole table would be read: there is no index on what is
                # wanted.
                f"SELECT key, col, value, ts FROM wanted CROSS JOIN {table} ON key = k AND col = c"
            ),
            get_rows=(
                f"SELECT key, col, value FROM {table} "  # noqa: S608
                "WHERE key IN ({names}) ORDER BY key, col"
            ),
            count_value=(
                f"SELECT count(*) FROM (SELECT 1 FROM {table} "  # noqa: S608
                "WHERE key = ? AND value = ? LIMIT ?)"
            ),
            count_young=(
                f"SELECT count(*) FROM {table} "  # noqa: S608
                "WHERE key = ? AND col >= ? AND ts >= ?"
            ),
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
            slice_of_value=(
                f"SELECT col, value FROM {table} "  # noqa: S608
                "WHERE key = ? AND col >= ? AND value = ? ORDER BY col LIMIT ?"
            ),
            expire=(
                f"DELETE FROM {table} WHERE (key, col) IN "  # noqa: S608
                f"(SELECT key, col FROM {table} WHERE ts < ? LIMIT ?)"
            ),
            first_key=f"SELECT key FROM {table} WHERE key >= ? ORDER BY key LIMIT 1",  # noqa: S608
            expire_range=(
                f"DELETE FROM {table} WHERE (key, col) IN "  # noqa: S608
                f"(SELECT key, col FROM {table} WHERE key >= ? AND key < ? LIMIT ?)"
            ),
        )

    def slices(
        self,
        connection: sqlite3.Connection,
        keys: tuple[bytes, bytes],
        columns_from: bytes,
        cells: int,
        value: bytes | None = None,
    ) -> Iterator[Row]:
        """Read the first `cells` of each row of a key range, (start, end), by rising key.

        Each row costs two looks into the index, however wide it is; but of a `value` (None: any)
        also those of others are passed over, a tenth of a second for a million.
        """
        key, end = keys
        statement = self.slice if value is None else self.slice_of_value
        which = () if value is None else (value,)
        while key < end:
            found = dict(connection.execute(statement, (key, columns_from, *which, cells)))
            if found:
                yield Row(key, found)
            if end == key + b"\0":
                return
            after = connection.execute(self.next_key, (key, end)).fetchone()
            if after is None:
                return
            key = after[0]


@cache
def with_names(template: str, count: int) -> str:
    """Give a statement room for this many `{names}`; each text stays, so let there be few."""
    return template.replace("{names}", ", ".join("?" * count))


@cache
def with_pairs(template: str, count: int) -> str:
    """Give a statement room for this many `{pairs}`, as `with_names` does."""
    return template.replace("{pairs}", ", ".join(["(?, ?)"] * count))
