"""Many rows or cells by name, each table's by as few statements as it takes."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from services.platform.rows.port import CellName, DatedCell, Row, Scan
from services.platform.rows.sqlite.statements import TableSql, with_names, with_pairs

__all__ = ["read_cells", "read_rows", "scanned"]

NAMES_PER_STATEMENT = 512
"""Keys or columns of one statement, a power of two; SQLite takes 999 parameters in every build."""
PAIRS_PER_STATEMENT = 256
"""The same of cells, each with two parameters."""

_Name = TypeVar("_Name")


def read_rows(connection: sqlite3.Connection, sql: TableSql, keys: Sequence[bytes]) -> list[Row]:
    """Read those of the rows that are there, in no stated order."""
    cells: dict[bytes, dict[bytes, bytes]] = {}
    for chunk in _chunks(keys):
        for key, column, value in connection.execute(with_names(sql.get_rows, len(chunk)), chunk):
            cells.setdefault(key, {})[column] = value
    return [Row(key, each) for key, each in cells.items()]


def read_cells(
    connection: sqlite3.Connection, tables: Mapping[str, TableSql], names: Collection[CellName]
) -> Iterator[tuple[CellName, DatedCell]]:
    """Read those of the cells that are there.

    By the keys of each column, by the columns of each key, or by both, whatever takes the fewest
    statements.
    """
    by_table: dict[str, list[CellName]] = {}
    for name in names:
        by_table.setdefault(name.table, []).append(name)
    for table, own in by_table.items():
        by_column: dict[bytes, list[bytes]] = {}
        by_key: dict[bytes, list[bytes]] = {}
        for _, key, column in own:
            by_column.setdefault(column, []).append(key)
            by_key.setdefault(key, []).append(column)
        sql = tables[table]
        if -(-len(own) // PAIRS_PER_STATEMENT) < min(len(by_column), len(by_key)):
            yield from _by_pairs(connection, table, sql, own)
        elif len(by_column) < len(by_key):
            for column, keys in by_column.items():
                for key, value, ts in _each(connection, sql.get_of_keys, column, keys):
                    yield CellName(table, key, column), DatedCell(value, ts)
        else:
            for key, columns in by_key.items():
                for column, value, ts in _each(connection, sql.get_of_columns, key, columns):
                    yield CellName(table, key, column), DatedCell(value, ts)


def _by_pairs(
    connection: sqlite3.Connection, table: str, sql: TableSql, names: Sequence[CellName]
) -> Iterator[tuple[CellName, DatedCell]]:
    for pairs in _chunks(names, PAIRS_PER_STATEMENT):
        parameters = [part for _, key, column in pairs for part in (key, column)]
        statement = with_pairs(sql.get_of_pairs, len(pairs))
        for key, column, value, ts in connection.execute(statement, parameters):
            yield CellName(table, key, column), DatedCell(value, ts)


def scanned(connection: sqlite3.Connection, sql: TableSql, scan: Scan) -> list[Row]:
    """Read rows of a key range in order."""
    rows: list[Row] = []
    if scan.limit <= 0:
        return rows
    if scan.cells_per_row is not None:
        keys = (scan.start, scan.end)
        slices = sql.slices(connection, keys, scan.columns_from, scan.cells_per_row, scan.value)
        cells = 0
        for row in islice(slices, scan.limit):
            rows.append(row)
            cells += len(row.cells)
            if scan.enough_cells is not None and cells >= scan.enough_cells:
                break
        return rows
    cursor = connection.execute(sql.scan, (scan.start, scan.end, scan.columns_from))
    last, cells_of_last = None, dict[bytes, bytes]()
    for key, column, value in cursor:
        if key != last:
            if len(rows) == scan.limit:
                break
            last, cells_of_last = key, {}
            rows.append(Row(key, cells_of_last))
        cells_of_last[column] = value
    cursor.close()
    return rows


def _each(
    connection: sqlite3.Connection, template: str, shared: bytes, names: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes, int]]:
    for chunk in _chunks(names):
        yield from connection.execute(with_names(template, len(chunk)), (shared, *chunk))


def _chunks(names: Sequence[_Name], most: int = NAMES_PER_STATEMENT) -> Iterator[Sequence[_Name]]:
    """Cut into pieces whose sizes are powers of two, the last filled up with one name again.

    So there are few different statements, which SQLite then need not parse anew.
    """
    for at in range(0, len(names), most):
        chunk = list(names[at : at + most])
        yield chunk + chunk[-1:] * ((1 << (len(chunk) - 1).bit_length()) - len(chunk))
