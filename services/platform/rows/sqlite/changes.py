"""Changes of many cells as few statements: each of them costs more than the row that it writes.

Between two statements, or two rows of an `executemany`, the interpreter lock goes to whoever wants
it; a busy event loop then keeps it for milliseconds. So what writes a thousand cells should ask for
the lock a few times, not a thousand.
"""

import sqlite3
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from services.platform.rows.port import (
    Bound,
    CellName,
    DatedCell,
    OverfullError,
    RowMutation,
    Tallies,
    Tally,
)
from services.platform.rows.sqlite.bounds import beyond, nearly_full
from services.platform.rows.sqlite.lookups import read_cells
from services.platform.rows.sqlite.statements import TableSql

__all__ = ["add", "apply", "apply_counted", "planned", "setting"]

CELLS_PER_STATEMENT = 250
"""Of one statement that sets cells. What it changes is kept twice until it ends, in memory: a
megabyte at the most."""

COUNTER = struct.Struct(">q")

Step = tuple[str, list[tuple[Any, ...]]]
"""A statement, and the parameters of each of its runs."""


def planned(
    mutations: Sequence[RowMutation], tables: Mapping[str, TableSql], now_ms: int
) -> list[Step]:
    """Put row changes into steps to be made in this order; a row's changes keep theirs."""
    steps: list[Step] = []
    for mutation in mutations:
        sql, key = tables[mutation.table], mutation.key
        if mutation.delete_row:
            _join(steps, sql.delete_row, [(key,)])
        if mutation.deletes:
            _join(steps, sql.delete_cell, [(key, column) for column in mutation.deletes])
        if mutation.sets:
            undated = mutation.timestamp_ms is None
            dated_ms = now_ms if mutation.timestamp_ms is None else mutation.timestamp_ms
            _join(
                steps,
                sql.force if undated else sql.merge,
                [(key, column, value, dated_ms) for column, value in mutation.sets.items()],
            )
    return steps


def apply(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Make planned changes inside the open transaction."""
    for statement, rows in steps:
        connection.executemany(statement, rows)


def apply_counted(
    connection: sqlite3.Connection,
    steps: Sequence[Step],
    tallies: Tallies,
    tables: Mapping[str, TableSql],
    now_ms: int,
) -> None:
    """Make planned changes, and add to each counter what they change of its tally.

    `OverfullError`, which has to undo the transaction, where they break a bound.
    """
    counted = [each for each in tallies if isinstance(each, Tally)]
    bounds = [each for each in tallies if isinstance(each, Bound)]
    nearly = nearly_full(connection, bounds, tables)
    cells = [cell for tally in counted for cell in tally.cells]
    before = dict(read_cells(connection, tables, cells))
    apply(connection, steps)
    if nearly and (full := beyond(connection, nearly, tables)):
        raise OverfullError(full)
    after = dict(read_cells(connection, tables, cells))
    for tally in counted:
        delta = _having(tally, after) - _having(tally, before)
        if delta:
            table, key, column = tally.counter
            with suppress(struct.error):
                add(connection, tables[table], (key, column), delta, now_ms)


def add(
    connection: sqlite3.Connection,
    sql: TableSql,
    cell: tuple[bytes, bytes],
    delta: int,
    now_ms: int,
) -> int:
    """Add to the counter at (key, column); `struct.error` where it is none."""
    found = connection.execute(sql.get, cell).fetchone()
    value, ts = (bytes(COUNTER.size), now_ms) if found is None else found
    total: int = COUNTER.unpack(value)[0] + delta
    connection.execute(sql.force, (*cell, COUNTER.pack(total), max(ts, now_ms)))
    return total


def _having(tally: Tally, cells: Mapping[CellName, DatedCell]) -> int:
    return sum(1 for name in tally.cells if name in cells and cells[name].value == tally.value)


def setting(
    sql: TableSql, cells: Collection[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
) -> Callable[[sqlite3.Connection], None]:
    """Give what sets all of these cells, (key, column), to one value of one date.

    They are set in their order in the table, as neighbours share a page. Where all keys are of one
    length, and all columns too, many cells travel as one parameter.
    """
    key_sizes = {len(key) for key, _ in cells}
    column_sizes = {len(column) for _, column in cells}
    if len(key_sizes) != 1 or len(column_sizes) != 1 or key_sizes == column_sizes == {0}:
        singly = [(key, column, value, timestamp_ms) for key, column in sorted(cells)]
        return lambda connection: apply(connection, [(sql.merge, singly)])
    (key_size,), (column_size,) = key_sizes, column_sizes
    names = sorted([key + column for key, column in cells])
    joined = [
        (b"".join(names[at : at + CELLS_PER_STATEMENT]), key_size, column_size, value, timestamp_ms)
        for at in range(0, len(names), CELLS_PER_STATEMENT)
    ]
    return lambda connection: apply(connection, [(sql.merge_joined, joined)])


def _join(steps: list[Step], statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Add to the last step, if it is of the same statement."""
    if steps and steps[-1][0] is statement:
        steps[-1][1].extend(rows)
    else:
        steps.append((statement, rows))
