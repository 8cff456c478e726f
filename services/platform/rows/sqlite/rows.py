"""`RowStore` on one SQLite file, for a single machine; several processes may share the file."""

import asyncio
import random
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from services.platform.errors import UnavailableError
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
from services.platform.rows.sqlite.bounds import keep_places
from services.platform.rows.sqlite.changes import add, apply, apply_counted, planned, setting
from services.platform.rows.sqlite.connections import connect
from services.platform.rows.sqlite.expiry import Expiry
from services.platform.rows.sqlite.garbage import COLLECT_EVERY_S, GarbageCollection
from services.platform.rows.sqlite.lookups import read_cells, read_rows, scanned
from services.platform.rows.sqlite.statements import TableSql
from services.platform.rows.sqlite.threads import ReaderPool, WriterThread
from services.platform.runtime.background import Background
from services.platform.runtime.clock import Clock
from services.platform.runtime.clock_steps import CheckedClock

__all__ = ["SqliteRowStore"]

TRY_EVERY_S = 2.0
"""Between tries to write, where the last write found no room; one page each."""
WRITER_CACHE_KIB = 16 * 1_024
"""Pages that the writer keeps at hand: SQLite's 2 MB are less than the newest day of many viewers,
and what is not there is read again for each change."""
MARK_BITS = 31


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
        self._expiries: list[Expiry] = []
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
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        # Where one statement of many rows keeps what it changes, until it ends.
        connection.execute("PRAGMA temp_store = MEMORY")
        self._writer = WriterThread(connection)
        self._readers = ReaderPool(self._path)
        self._expiries = [
            Expiry(spec, self._sql[spec.name], self._writer, self._readers)
            for spec in self._specs
            if spec.max_age_s is not None
        ]
        self._trying.start()
        if self._expiries:
            self._garbage.start()

    def holds(self) -> bool:
        """Whether it is closed, or writes and goes on collecting; there may be no room."""
        writing = self._writer is None or self._writer.holds()
        return writing and self._trying.holds() and self._garbage.holds()

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable in one transaction, all or nothing."""
        if steps := planned(mutations, self._sql, self._clock.now_ms()):
            await self._writing().run(lambda db: apply(db, steps))

    async def mutate_counted(self, mutations: Sequence[RowMutation], tallies: Tallies) -> None:
        """Make changes of rows durable, and count what they change, in one transaction."""
        now_ms, tables = self._clock.now_ms(), self._sql
        steps = planned(mutations, tables, now_ms)
        await self._writing().run(lambda db: apply_counted(db, steps, tallies, tables, now_ms))

    async def keep_places(
        self, table: str, key: bytes, columns: Collection[bytes], timestamp_ms: int, room: Room
    ) -> bool:
        """Set cells of a row that keep places, unless there is no room for so many."""
        sql, cells = self._sql[table], frozenset(columns)
        return await self._writing().run(
            lambda db: keep_places(db, sql, key, cells, timestamp_ms, room)
        )

    async def set_cells(
        self, table: str, cells: Collection[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
    ) -> None:
        """Set many cells to one value of one date, in one transaction."""
        if cells:
            await self._writing().run(setting(self._sql[table], cells, value, timestamp_ms))

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there."""
        check_change(table, key, mutation)
        get = self._sql[table].get
        steps = planned([mutation], self._sql, self._clock.now_ms())

        def write(connection: sqlite3.Connection) -> bytes | None:
            found = connection.execute(get, (key, column)).fetchone()
            value: bytes | None = None if found is None else found[0]
            if value == expected:
                apply(connection, steps)
            return value

        return await self._writing().run(write)

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        sql = self._sql[table]
        now_ms = self._clock.now_ms()
        return await self._writing().run(lambda db: add(db, sql, (key, column), delta, now_ms))

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key, all of one moment; those that are missing are left out."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        sql = self._sql[table]
        rows = await self._reading().run(lambda db: read_rows(db, sql, wanted))
        return {row.key: row for row in rows}

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; all cells are of one moment."""
        if not names:
            return {}
        return await self._reading().run(lambda db: dict(read_cells(db, self._sql, names)))

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
        wanted = Scan(table, start, end, limit, columns_from, cells_per_row)
        (rows,) = await self.scan_many([wanted])
        return rows

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        """Do many scans, all of one moment."""
        del in_order  # one moment is in any order
        tables = self._sql
        return await self._reading().run(
            lambda db: [scanned(db, tables[scan.table], scan) for scan in scans]
        )

    async def collect_garbage(self) -> int:
        """Drop the cells past their table's `max_age_s`; returns how many. Safe at any time.

        Raises `UnavailableError` while the clock is far off from when the store was made.
        """
        self._writing()
        return sum([await each.collect(self._retention_clock.now_ms()) for each in self._expiries])

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
