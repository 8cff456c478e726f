"""Spans of the row store's calls."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace

from services.platform.observability.names import SCOPE, SPAN_ROWS
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation, RowStore

__all__ = ["TracedRowStore"]

_tracer = trace.get_tracer(SCOPE)


class TracedRowStore:
    """A `RowStore` whose calls are spans of the trace they are made in.

    Without a trace there is none to begin: sweeps and renewals run all the time.
    """

    def __init__(self, store: RowStore) -> None:
        self._store = store

    @property
    def atomic_batches(self) -> bool:
        """Whether the store beneath commits a batch whole, or not at all."""
        return self._store.atomic_batches

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Make changes of rows durable, table by table; the span is named after the first table."""
        table = mutations[0].table if mutations else "nothing"
        with _span("mutate", table, len(mutations)):
            await self._store.mutate(mutations)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Change a row if one cell is as expected; gives what was found there."""
        with _span("check_and_mutate", table, 1):
            return await self._store.check_and_mutate(table, key, column, expected, mutation)

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a counter cell; gives the new value."""
        with _span("increment", table, 1):
            return await self._store.increment(table, key, column, delta)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read whole rows by key; those that are missing are left out."""
        with _span("read", table, len(keys)):
            return await self._store.read_rows(table, keys)

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates; the span is named after the first table."""
        table = next(iter(names)).table if names else "nothing"
        with _span("read", table, len(names)):
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
        with _span("scan", table, limit):
            return await self._store.scan(
                table,
                start,
                end,
                limit=limit,
                columns_from=columns_from,
                cells_per_row=cells_per_row,
            )

    async def close(self) -> None:
        """Close the store beneath."""
        await self._store.close()


@contextmanager
def _span(operation: str, table: str, rows: int) -> Iterator[None]:
    if not trace.get_current_span().get_span_context().is_valid:
        yield
        return
    with _tracer.start_as_current_span(
        SPAN_ROWS.format(operation=operation, table=table),
        kind=trace.SpanKind.CLIENT,
        attributes={"db.operation.name": operation, "db.collection.name": table, "rows": rows},
    ):
        yield
