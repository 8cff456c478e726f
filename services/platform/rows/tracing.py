"""Spans of the row store's calls."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span

from services.platform.observability import spans
from services.platform.observability.names import SCOPE, SPAN_ROWS
from services.platform.rows.port import (
    CellName,
    DatedCell,
    Room,
    Row,
    RowMutation,
    RowStore,
    Scan,
    Tallies,
)

__all__ = ["BIGTABLE", "SQLITE", "TracedRowStore"]

_tracer = trace.get_tracer(SCOPE)
_NO_SPAN: Final = nullcontext(trace.INVALID_SPAN)

SQLITE: Final = "sqlite"
BIGTABLE: Final = "gcp.bigtable"
RETURNED: Final = "db.response.returned_rows"
"""Rows, or cells where single ones were asked for."""


class TracedRowStore:
    """A `RowStore` whose calls are spans of the trace they are made in.

    Without a trace there is none to begin: sweeps and renewals run all the time. `system` is what
    OpenTelemetry calls the engine.
    """

    def __init__(self, store: RowStore, system: str) -> None:
        self._store = store
        self._system = system

    @property
    def atomic_batches(self) -> bool:
        """Whether the store beneath commits a batch whole, or not at all."""
        return self._store.atomic_batches

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable, table by table; the span is named after the first table."""
        table = mutations[0].table if mutations else "nothing"
        with self._span("mutate", table, len(mutations)):
            await self._store.mutate(mutations)

    async def mutate_counted(self, mutations: Sequence[RowMutation], tallies: Tallies) -> None:
        """Make changes of rows durable, with counters; the span is that of `mutate`."""
        with self._span("mutate", mutations[0].table, len(mutations)):
            await self._store.mutate_counted(mutations, tallies)

    async def keep_places(
        self, table: str, key: bytes, columns: Collection[bytes], timestamp_ms: int, room: Room
    ) -> bool:
        """Set cells of a row that keep places, unless there is no room for so many."""
        with self._span("check_and_mutate", table):
            return await self._store.keep_places(table, key, columns, timestamp_ms, room)

    async def set_cells(
        self, table: str, cells: Collection[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
    ) -> None:
        """Set many cells to one value of one date."""
        with self._span("set", table, len(cells)):
            await self._store.set_cells(table, cells, value, timestamp_ms)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there."""
        with self._span("check_and_mutate", table):
            return await self._store.check_and_mutate(table, key, column, expected, mutation)

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        with self._span("increment", table):
            return await self._store.increment(table, key, column, delta)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key; those that are missing are left out."""
        with self._span("read", table, len(keys)) as span:
            found = await self._store.read_rows(table, keys)
            span.set_attribute(RETURNED, len(found))
            return found

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; the span is named after the first table."""
        table = next(iter(names)).table if names else "nothing"
        with self._span("read", table, len(names)) as span:
            found = await self._store.read_cells(names)
            span.set_attribute(RETURNED, len(found))
            return found

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
        with self._span("scan", table) as span:
            rows = await self._store.scan(
                table,
                start,
                end,
                limit=limit,
                columns_from=columns_from,
                cells_per_row=cells_per_row,
            )
            span.set_attribute(RETURNED, len(rows))
            return rows

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        """Do many scans; the span is named after the first table."""
        table = scans[0].table if scans else "nothing"
        with self._span("scan", table, len(scans)) as span:
            found = await self._store.scan_many(scans, in_order=in_order)
            span.set_attribute(RETURNED, sum(map(len, found)))
            return found

    async def close(self) -> None:
        """Close the store beneath."""
        await self._store.close()

    def _span(self, operation: str, table: str, asked: int = 1) -> AbstractContextManager[Span]:
        # Looked at first: to name a span costs more than to find that there is to be none.
        if not spans.is_sampled():
            return _NO_SPAN
        attributes: dict[str, str | int] = {
            "db.system.name": self._system,
            "db.operation.name": operation,
            "db.collection.name": table,
        }
        if asked > 1:
            attributes["db.operation.batch.size"] = asked
        name = SPAN_ROWS.format(operation=operation, table=table)
        return spans.child(_tracer, name, kind=trace.SpanKind.CLIENT, attributes=attributes)
