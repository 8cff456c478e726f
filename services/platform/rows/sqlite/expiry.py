"""Finding and dropping what of one table is past its retention, in chunks and with pauses."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial

from services.platform.rows.port import KeyRange, TableSpec
from services.platform.rows.sqlite.statements import TableSql
from services.platform.rows.sqlite.threads import ReaderPool, WriterThread

__all__ = ["Expiry"]

CHUNK_CELLS = 1_000
"""Cells dropped per transaction, so that collection never holds up other writes for long."""
LOOK_OWNERS = 500
"""Owners of rows looked through at once: a few milliseconds of a reader."""
PAUSE_S = 0.05
"""Between two of either, so that others get at the file and at the processor."""
MS_PER_S = 1_000


class Expiry:
    """The retention of one table that has a `max_age_s`; raises `UnavailableError`."""

    def __init__(
        self, spec: TableSpec, sql: TableSql, writer: WriterThread, readers: ReaderPool
    ) -> None:
        self._max_age_ms = (spec.max_age_s or 0) * MS_PER_S
        self._expired = spec.expired
        self._sql = sql
        self._writer = writer
        self._readers = readers
        self._looked_through: KeyRange | None = None

    async def collect(self, now_ms: int) -> int:
        """Drop what is past retention now; returns how many cells."""
        limit_ms = now_ms - self._max_age_ms
        if self._expired is not None:
            return await self._by_keys(self._expired, limit_ms)
        chunk = (limit_ms, CHUNK_CELLS)
        return await self._in_chunks(lambda db: db.execute(self._sql.expire, chunk).rowcount)

    async def _by_keys(self, expired: Callable[[bytes, int], KeyRange], limit_ms: int) -> int:
        """Look at each owner's rows, of which the oldest are together."""
        first = await self._readers.run(lambda connection: self._key_from(connection, b""))
        mark = None if first is None else _of(expired, first, limit_ms)
        # A day is past once: only what came late, or came back, would be found by another look.
        if mark is not None and mark == self._looked_through:
            return 0
        dropped = 0
        start = first
        while start is not None:
            look = partial(self._look, expired=expired, start=start, limit_ms=limit_ms)
            found, start = await self._readers.run(look)
            if found:
                dropped += await self._drop(found)
            await asyncio.sleep(PAUSE_S)
        self._looked_through = mark
        return dropped

    def _look(
        self,
        connection: sqlite3.Connection,
        *,
        expired: Callable[[bytes, int], KeyRange],
        start: bytes,
        limit_ms: int,
    ) -> tuple[list[KeyRange], bytes | None]:
        """Find what is past retention of the next owners, and where to go on."""
        found: list[KeyRange] = []
        for _ in range(LOOK_OWNERS):
            key = self._key_from(connection, start)
            if key is None:
                return found, None
            start = key + b"\0"
            old = _of(expired, key, limit_ms)
            if old is None:
                continue
            start = max(start, old.end)
            oldest = self._key_from(connection, old.start)
            if oldest is not None and oldest < old.end:
                found.append(old)
        return found, start

    async def _drop(self, ranges: Sequence[KeyRange]) -> int:
        def drop(connection: sqlite3.Connection) -> int:
            dropped = 0
            for each in ranges:
                bounds = (each.start, each.end, CHUNK_CELLS - dropped)
                dropped += connection.execute(self._sql.expire_range, bounds).rowcount
                if dropped >= CHUNK_CELLS:
                    break
            return dropped

        return await self._in_chunks(drop)

    async def _in_chunks(self, drop: Callable[[sqlite3.Connection], int]) -> int:
        total = 0
        while True:
            dropped = await self._writer.run(drop)
            total += dropped
            if dropped < CHUNK_CELLS:
                return total
            await asyncio.sleep(PAUSE_S)

    def _key_from(self, connection: sqlite3.Connection, start: bytes) -> bytes | None:
        found = connection.execute(self._sql.first_key, (start,)).fetchone()
        key: bytes | None = None if found is None else found[0]
        return key


def _of(expired: Callable[[bytes, int], KeyRange], key: bytes, limit_ms: int) -> KeyRange | None:
    """Give what of the owner is past retention; None of a key that is not of the table."""
    try:
        return expired(key, limit_ms)
    except ValueError:
        return None
