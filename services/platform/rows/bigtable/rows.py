"""`RowStore` on Bigtable, or on its emulator where `BIGTABLE_EMULATOR_HOST` says so."""

import asyncio
import os
import struct
import warnings
from collections.abc import Collection, Sequence
from itertools import groupby
from operator import attrgetter

from google.cloud.bigtable.data import (
    BigtableDataClientAsync,
    Mutation,
    ReadRowsQuery,
    RowRange,
    TableAsync,
)
from google.cloud.bigtable.data import Row as BigtableRow
from google.cloud.bigtable.data.read_modify_write_rules import IncrementRule
from google.cloud.bigtable.data.row_filters import (
    ColumnRangeFilter,
    RowFilter,
    RowFilterChain,
    ValueRangeFilter,
)

from services.platform.errors import UnavailableError
from services.platform.rows.bigtable.calls import CALL_TIMEOUT_S, timeout_s, translated
from services.platform.rows.bigtable.named_cells import read_named
from services.platform.rows.bigtable.requests import (
    LATEST,
    bulks,
    changes_of,
    fuller_than,
    key_queries,
    latest_of,
    setting_bulks,
    slice_filter,
)
from services.platform.rows.bigtable.schema import EMULATOR_VARIABLE, FAMILY
from services.platform.rows.port import (
    CellName,
    DatedCell,
    Room,
    Row,
    RowMutation,
    Scan,
    TableSpec,
    Tallies,
    check_change,
)
from services.platform.runtime.clock import Clock

__all__ = ["BigtableRowStore"]

CHECK_MAX_ATTEMPTS = 8
"""Rounds of a check whose cell changes back to `expected` between the check and the read."""

SCANS_AT_ONCE = 32
"""Scans of one call under way at once, so that one caller cannot take every connection."""

_COUNTER = struct.Struct(">q")


class BigtableRowStore:
    """Rows as Bigtable rows; a row is atomic, a batch is not. Make it inside a running loop.

    Equal timestamps overwrite and older ones stay hidden because only the newest version of a
    cell is read; a set without a date clears the versions before it. Timestamps are always the
    client's, which makes repeats idempotent.
    """

    def __init__(
        self,
        project: str,
        instance: str,
        tables: Sequence[TableSpec],
        clock: Clock,
        *,
        app_profile: str | None = None,
    ) -> None:
        self._clock = clock
        self._closed = False
        with warnings.catch_warnings():
            if os.environ.get(EMULATOR_VARIABLE):
                # The client warns of the emulator, which the operator asked for by name.
                warnings.simplefilter("ignore", RuntimeWarning)
            self._client = BigtableDataClientAsync(project=project)
        self._tables: dict[str, TableAsync] = {
            spec.name: self._client.get_table(
                instance,
                spec.name,
                app_profile_id=app_profile,
                default_read_rows_operation_timeout=CALL_TIMEOUT_S,
                default_read_rows_attempt_timeout=CALL_TIMEOUT_S,
                default_mutate_rows_operation_timeout=CALL_TIMEOUT_S,
                default_mutate_rows_attempt_timeout=CALL_TIMEOUT_S,
                default_operation_timeout=CALL_TIMEOUT_S,
                default_attempt_timeout=CALL_TIMEOUT_S,
            )
            for spec in tables
        }

    @property
    def atomic_batches(self) -> bool:
        """Bigtable changes each row on its own."""
        return False

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable, table by table."""
        by_table: dict[str, list[RowMutation]] = {}
        for mutation in mutations:
            by_table.setdefault(mutation.table, []).append(mutation)
        tables = {name: self._open_table(name) for name in by_table}
        now_ms = self._clock.now_ms()
        async with translated():
            for name, table in tables.items():
                for entries in bulks(by_table[name], now_ms):
                    await table.bulk_mutate_rows(entries, operation_timeout=timeout_s())

    async def mutate_counted(self, mutations: Sequence[RowMutation], tallies: Tallies) -> None:
        """Raise `NotImplementedError`: rows change independently."""
        raise NotImplementedError

    async def keep_places(
        self, table: str, key: bytes, columns: Collection[bytes], timestamp_ms: int, room: Room
    ) -> bool:
        """Set cells of a row that keep places, unless there is no room for so many."""
        left = room.most - len(frozenset(columns))
        if left < 0:
            return False
        kept = RowMutation(table, key, dict.fromkeys(columns, b""), timestamp_ms=timestamp_ms)
        async with translated():
            full = await self._open_table(table).check_and_mutate_row(
                key,
                fuller_than(left, room),
                false_case_mutations=changes_of(kept, timestamp_ms),
                operation_timeout=timeout_s(),
            )
        return not full

    async def set_cells(
        self, table: str, cells: Collection[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
    ) -> None:
        """Set many cells to one value of one date, row by row."""
        opened = self._open_table(table)
        async with translated():
            for entries in setting_bulks(cells, value, timestamp_ms):
                await opened.bulk_mutate_rows(entries, operation_timeout=timeout_s())

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there.

        Bigtable says only whether the check held, so a loser's value comes from a read just after:
        it may be newer than the one checked, but is never `expected`.
        """
        check_change(table, key, mutation)
        cell = [ColumnRangeFilter(FAMILY, column, column), LATEST]
        if expected is not None:
            cell.append(ValueRangeFilter(expected, expected))
        changes = changes_of(mutation, self._clock.now_ms())
        for _ in range(CHECK_MAX_ATTEMPTS):
            if changes and await self._check(table, key, cell, expected, changes):
                return expected
            rows = await self._read(
                table, ReadRowsQuery(row_keys=key, row_filter=latest_of([column]))
            )
            found = rows[0].cells.get(column) if rows else None
            if not changes or found != expected:
                return found
        raise UnavailableError("The row is changing too fast to be checked.")

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        async with translated():
            row = await self._open_table(table).read_modify_write_row(
                key, IncrementRule(FAMILY, column, delta), operation_timeout=timeout_s()
            )
        total: int = _COUNTER.unpack(row.get_cells(FAMILY, column)[0].value)[0]
        return total

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key; those that are missing are left out."""
        queries = key_queries(keys, LATEST)
        chunks = await asyncio.gather(*(self._read(table, query) for query in queries))
        return {row.key: row for rows in chunks for row in rows}

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; each table is of a moment of its own."""
        return await read_named(self._query, names)

    async def scan(  # noqa: PLR0913 - those of the port
        self,
        table: str,
        start: bytes,
        end: bytes,
        *,
        limit: int,
        columns_from: bytes = b"",
        cells_per_row: int | None = None,
    ) -> list[Row]:
        """Read rows of a key range in order, at most `limit`."""
        return await self._scanned(Scan(table, start, end, limit, columns_from, cells_per_row))

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        """Do many scans side by side: all, or in order those of one table, then of the next."""
        if in_order:
            groups = [list(own) for _, own in groupby(scans, key=attrgetter("table"))]
            return [rows for own in groups for rows in await self.scan_many(own)]
        room = asyncio.Semaphore(SCANS_AT_ONCE)

        async def scanned(scan: Scan) -> list[Row]:
            async with room:
                return await self._scanned(scan)

        # Tasks begin in the order in which they are made, and wait for room in it.
        return await asyncio.gather(*map(scanned, scans))

    async def close(self) -> None:
        """Close the connections; closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        for table in self._tables.values():
            await table.close()
        await self._client.close()

    def _open_table(self, name: str) -> TableAsync:
        if self._closed:
            raise UnavailableError("The row store is closed.")
        return self._tables[name]

    async def _check(
        self,
        table: str,
        key: bytes,
        cell: list[RowFilter],
        expected: bytes | None,
        changes: list[Mutation],
    ) -> bool:
        async with translated():
            matched = await self._open_table(table).check_and_mutate_row(
                key,
                RowFilterChain(cell),
                true_case_mutations=None if expected is None else changes,
                false_case_mutations=changes if expected is None else None,
                operation_timeout=timeout_s(),
            )
        return bool(matched) is (expected is not None)

    async def _scanned(self, scan: Scan) -> list[Row]:
        # Bigtable reads an empty end or limit as "none", the port as what they say.
        if scan.limit <= 0 or scan.start >= scan.end:
            return []
        ranges = [RowRange(scan.start, scan.end)]
        cells = slice_filter(scan.columns_from, scan.cells_per_row, scan.value)
        query = ReadRowsQuery(row_ranges=ranges, limit=scan.limit, row_filter=cells)
        return await self._read(scan.table, query)

    async def _read(self, table: str, query: ReadRowsQuery) -> list[Row]:
        return [_row(row) for row in await self._query(table, query)]

    async def _query(self, table: str, query: ReadRowsQuery) -> list[BigtableRow]:
        async with translated():
            rows: list[BigtableRow] = await self._open_table(table).read_rows(
                query, operation_timeout=timeout_s()
            )
        return rows


def _row(row: BigtableRow) -> Row:
    return Row(row.row_key, {cell.qualifier: cell.value for cell in row.cells})
