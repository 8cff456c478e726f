"""`RowStore` on one SQLite file, for a single machine; several processes may share the file."""

import asyncio
import random
import sqlite3
import struct
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from services.platform.errors import UnavailableError
from services.platform.rows.port import (
    CellName,
    DatedCell,
    Row,
    RowMutation,
    TableSpec,
    check_change,
)
from services.platform.rows.sqlite.connections import connect
from services.platform.rows.sqlite.garbage import COLLECT_EVERY_S, GarbageCollection
from services.platform.rows.sqlite.statements import TableSql
from services.platform.rows.sqlite.threads import ReaderPool, WriterThread
from services.platform.runtime.background import Background
from services.platform.runtime.clock import Clock
from services.platform.runtime.clock_steps import CheckedClock

__all__ = ["SqliteRowStore"]

GARBAGE_CHUNK_CELLS = 1_000
"""Cells dropped per transaction, so that collection never holds up other writes for long."""
GARBAGE_PAUSE_S = 0.05
"""Between two of them, so that other processes get at the file."""
MS_PER_S = 1_000
TRY_EVERY_S = 1.0
"""Between tries to write, where the last write found no room; one page each."""
MARK_BITS = 31

_COUNTER = struct.Struct(">q")


class SqliteRowStore:
    """Rows as SQLite cells: batches are atomic, and concurrent calls share one commit.

    Call `open` before anything else. An open store drops what is past its retention by itself.
    """

    def __init__(
        self,
        path: Path,
        tables: Sequence[TableSpec],
        clock: Clock,
        *,
        collect_every_s: float = COLLECT_EVERY_S,
    ) -> None:
        self._path = path
        self._specs = tuple(tables)
        self._sql = {spec.name: TableSql.of(spec) for spec in tables}
        self._clock = clock
        # Dropped for good: not by a clock that was set far ahead for a moment.
        self._retention_clock = CheckedClock(clock)
        self._writer: WriterThread | None = None
        self._readers: ReaderPool | None = None
        self._trying = Background("sqlite-try", self._try_to_write, every_s=TRY_EVERY_S)
        self._garbage = GarbageCollection(
            self.collect_garbage,
            every_s=collect_every_s,
            rng=random.Random(),  # noqa: S311 - jitter guards nothing
        )

    @property
    def atomic_batches(self) -> bool:
        """SQLite commits a whole batch in one transaction."""
        return True

    async def open(self) -> None:
        """Create the file and its tables where missing; raises `UnavailableError`."""
        try:
            connection = await asyncio.to_thread(self._create)
        except (sqlite3.Error, OSError) as error:
            raise UnavailableError(f"The row store {self._path} cannot be opened.") from error
        self._writer = WriterThread(connection)
        self._readers = ReaderPool(self._path)
        self._trying.start()
        if any(spec.max_age_s is not None for spec in self._specs):
            self._garbage.start()

    def holds(self) -> bool:
        """Whether it is closed, or writes and goes on collecting; there may be no room."""
        writing = self._writer is None or self._writer.holds()
        return writing and self._trying.holds() and self._garbage.holds()

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable in one transaction, all or nothing."""
        changes = [(self._sql[mutation.table], mutation) for mutation in mutations]
        if not changes:
            return
        now_ms = self._clock.now_ms()

        def write(connection: sqlite3.Connection) -> None:
            for sql, mutation in changes:
                sql.apply(connection, mutation, now_ms)

        await self._writing().run(write)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there."""
        check_change(table, key, mutation)
        sql = self._sql[table]
        now_ms = self._clock.now_ms()

        def write(connection: sqlite3.Connection) -> bytes | None:
            found = connection.execute(sql.get, (key, column)).fetchone()
            value: bytes | None = None if found is None else found[0]
            if value == expected:
                sql.apply(connection, mutation, now_ms)
            return value

        return await self._writing().run(write)

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        sql = self._sql[table]
        now_ms = self._clock.now_ms()

        def write(connection: sqlite3.Connection) -> int:
            found = connection.execute(sql.get, (key, column)).fetchone()
            value, ts = (bytes(_COUNTER.size), now_ms) if found is None else found
            total: int = _COUNTER.unpack(value)[0] + delta
            row = (key, column, _COUNTER.pack(total), max(ts, now_ms))
            connection.execute(sql.force, row)
            return total

        return await self._writing().run(write)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key, all of one moment; those that are missing are left out."""
        sql = self._sql[table]
        wanted = dict.fromkeys(keys)
        if not wanted:
            return {}

        def read(connection: sqlite3.Connection) -> dict[bytes, Row]:
            rows = {}
            for key in wanted:
                cells = dict(connection.execute(sql.get_row, (key,)))
                if cells:
                    rows[key] = Row(key, cells)
            return rows

        return await self._reading().run(read)

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; all cells are of one moment."""
        if not names:
            return {}
        wanted = [(name, self._sql[name.table].get) for name in names]

        def read(connection: sqlite3.Connection) -> dict[CellName, DatedCell]:
            found = {}
            for name, get in wanted:
                cell = connection.execute(get, (name.key, name.column)).fetchone()
                if cell is not None:
                    found[name] = DatedCell(*cell)
            return found

        return await self._reading().run(read)

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
        """Read rows of a key range in order, at most `limit`; all rows are of one moment."""
        sql = self._sql[table]
        if limit <= 0:
            return []

        def read(connection: sqlite3.Connection) -> list[Row]:
            rows: list[Row] = []
            if cells_per_row is not None:
                slices = sql.slices(connection, (start, end), columns_from, cells_per_row)
                return list(islice(slices, limit))
            cursor = connection.execute(sql.scan, (start, end, columns_from))
            for key, cells in groupby(cursor, key=itemgetter(0)):
                rows.append(Row(key, {column: value for _, column, value in cells}))
                if len(rows) == limit:
                    break
            cursor.close()
            return rows

        return await self._reading().run(read)

    async def collect_garbage(self) -> int:
        """Drop the cells past their table's `max_age_s`; returns how many. Safe at any time.

        Raises `UnavailableError` while the clock is far off from when the store was made.
        """
        dropped = 0
        for spec in self._specs:
            if spec.max_age_s is not None:
                cutoff_ms = self._retention_clock.now_ms() - spec.max_age_s * MS_PER_S
                dropped += await self._expire(self._sql[spec.name], cutoff_ms)
        return dropped

    async def close(self) -> None:
        """Commit what was accepted and close the file; closing twice does nothing."""
        await self._garbage.stop()
        await self._trying.stop()
        if self._writer is not None:
            await self._writer.close()
        if self._readers is not None:
            await self._readers.close()

    async def _try_to_write(self) -> None:
        """Find out whether there is room again, though nobody else may write for hours."""
        if not self._writing().writes:
            with suppress(UnavailableError):
                # A number that SQLite keeps for its users, and nothing here reads.
                mark = random.getrandbits(MARK_BITS)
                await self._writing().run(lambda db: db.execute(f"PRAGMA user_version = {mark}"))

    async def _expire(self, sql: TableSql, cutoff_ms: int) -> int:
        def write(connection: sqlite3.Connection) -> int:
            return connection.execute(sql.expire, (cutoff_ms, GARBAGE_CHUNK_CELLS)).rowcount

        total = 0
        while True:
            dropped = await self._writing().run(write)
            total += dropped
            if dropped < GARBAGE_CHUNK_CELLS:
                return total
            await asyncio.sleep(GARBAGE_PAUSE_S)

    def _create(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(self._path)
        try:
            script = "".join(sql.create for sql in self._sql.values())
            connection.executescript(f"BEGIN IMMEDIATE;{script}COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection

    def _writing(self) -> WriterThread:
        if self._writer is None:
            raise UnavailableError("The row store is not open.")
        return self._writer

    def _reading(self) -> ReaderPool:
        if self._readers is None:
            raise UnavailableError("The row store is not open.")
        return self._readers
