"""Single cells by their names, also of rows that are too wide to be read whole."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final

from google.cloud.bigtable.data import ReadRowsQuery, Row

from services.platform.rows.bigtable.requests import (
    MICROS_PER_MS,
    WIDE_CELLS,
    cell_queries,
    column_queries,
)
from services.platform.rows.port import CellName, DatedCell

__all__ = ["QUERIES_AT_ONCE", "read_named"]

QUERIES_AT_ONCE: Final = 32
"""Queries of one call under way at once, so that one caller cannot take every connection."""

Ask = Callable[[str, ReadRowsQuery], Awaitable[Collection[Row]]]
"""Reads the rows of a table that a query names."""

_Cells = Mapping[CellName, DatedCell]


async def read_named(ask: Ask, names: Collection[CellName]) -> dict[CellName, DatedCell]:
    """Read those of the cells that are there.

    Where many are wanted of a row its beginning is read, which is all of nearly any; of a row that
    goes on there, what is behind is asked for by name.
    """
    wanted = frozenset(names)
    found = await _read(ask, cell_queries(wanted))
    if behind := _behind(wanted, found):
        found |= await _read(ask, behind)
    return {name: found[name] for name in wanted & found.keys()}


async def _read(
    ask: Ask, queries: Collection[tuple[str, ReadRowsQuery]]
) -> dict[CellName, DatedCell]:
    room = asyncio.Semaphore(QUERIES_AT_ONCE)

    async def read(table: str, query: ReadRowsQuery) -> _Cells:
        async with room:
            rows = await ask(table, query)
        return {
            CellName(table, row.row_key, cell.qualifier): DatedCell(
                cell.value, cell.timestamp_micros // MICROS_PER_MS
            )
            for row in rows
            for cell in row.cells
        }

    parts = await asyncio.gather(*(read(table, query) for table, query in queries))
    return {name: cell for part in parts for name, cell in part.items()}


def _behind(wanted: Collection[CellName], found: _Cells) -> list[tuple[str, ReadRowsQuery]]:
    """Ask for what is wanted behind the part of a row that was read, as (table, query)."""
    if len(found) < WIDE_CELLS:
        return []
    ends: dict[tuple[str, bytes], bytes] = {}
    row_of = itemgetter(0, 1)
    # A row's cells come one after the other, as they were read.
    for row, cells in groupby(found, key=row_of):
        columns = [column for _, _, column in cells]
        if len(columns) >= WIDE_CELLS:
            ends[row] = max(columns)
    columns_of: dict[tuple[str, bytes], list[bytes]] = {}
    for table, key, column in wanted:
        if column > ends.get((table, key), column):
            columns_of.setdefault((table, key), []).append(column)
    return [
        (table, query)
        for (table, key), columns in columns_of.items()
        for query in column_queries(key, columns)
    ]
