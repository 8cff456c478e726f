"""How long the row store takes."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import metrics

from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_ROWS_DURATION
from services.platform.rows.port import (
    CellName,
    DatedCell,
    OverfullError,
    Room,
    Row,
    RowMutation,
    RowStore,
    Scan,
    Tallies,
)

__all__ = ["MeteredRowStore"]


class MeteredRowStore:
    """A `RowStore` whose calls are timed, by engine, operation and table."""

    def __init__(
        self,
        store: RowStore,
        engine: str,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._duration = duration_histogram(METRIC_ROWS_DURATION, meter_provider)

    @property
    def atomic_batches(self) -> bool:
        """Whether the store beneath commits a batch whole, or not at all."""
        return self._store.atomic_batches

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable, table by table; it counts for the first table."""
        if not mutations:
            return
        with self._timed("mutate", mutations[0].table):
            await self._store.mutate(mutations)

    async def mutate_counted(self, mutations: Sequence[RowMutation], tallies: Tallies) -> None:
        """Make changes of rows durable, with counters; timed as `mutate`."""
        with self._timed("mutate", mutations[0].table):
            await self._store.mutate_counted(mutations, tallies)

    async def keep_places(
        self, table: str, key: bytes, columns: Collection[bytes], timestamp_ms: int, room: Room
    ) -> bool:
        """Set cells of a row that keep places, unless there is no room for so many."""
        with self._timed("check_and_mutate", table):
            return await self._store.keep_places(table, key, columns, timestamp_ms, room)

    async def set_cells(
        self, table: str, cells: Collection[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
    ) -> None:
        """Set many cells to one value of one date."""
        if not cells:
            return
        with self._timed("set", table):
            await self._store.set_cells(table, cells, value, timestamp_ms)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there."""
        with self._timed("check_and_mutate", table):
            return await self._store.check_and_mutate(table, key, column, expected, mutation)

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        with self._timed("increment", table):
            return await self._store.increment(table, key, column, delta)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key; those that are missing are left out."""
        with self._timed("read", table):
            return await self._store.read_rows(table, keys)

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; it counts for the first table."""
        if not names:
            return {}
        with self._timed("read", next(iter(names)).table):
            return await self._store.read_cells(names)

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
        with self._timed("scan", table):
            return await self._store.scan(
                table,
                start,
                end,
                limit=limit,
                columns_from=columns_from,
                cells_per_row=cells_per_row,
            )

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        """Do many scans; they count as one, for the first table."""
        if not scans:
            return []
        with self._timed("scan", scans[0].table):
            return await self._store.scan_many(scans, in_order=in_order)

    async def close(self) -> None:
        """Close the store beneath."""
        await self._store.close()

    @contextmanager
    def _timed(self, operation: str, table: str) -> Iterator[None]:
        outcome, began_s = "failed", time.perf_counter()
        try:
            yield
            outcome = "ok"
        except OverfullError:
            # An answer, by which no engine is found to be failing.
            outcome = "ok"
            raise
        finally:
            self._duration.record(
                time.perf_counter() - began_s,
                {
                    "engine": self._engine,
                    "operation": operation,
                    "table": table,
                    "outcome": outcome,
                },
            )
