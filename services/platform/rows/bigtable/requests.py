"""What is asked of Bigtable: changes and reads of the port, as its client takes them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from google.cloud.bigtable.data import (
    DeleteAllFromRow,
    DeleteRangeFromColumn,
    Mutation,
    ReadRowsQuery,
    RowMutationEntry,
    SetCell,
)
from google.cloud.bigtable.data.row_filters import (
    CellsColumnLimitFilter,
    CellsRowLimitFilter,
    CellsRowOffsetFilter,
    ColumnRangeFilter,
    RowFilter,
    RowFilterChain,
    RowFilterUnion,
    TimestampRangeFilter,
    ValueRangeFilter,
)

from services.platform.rows.bigtable.schema import FAMILY
from services.platform.rows.port import CellName, Room, RowMutation

__all__ = [
    "LATEST",
    "MICROS_PER_MS",
    "WIDE_CELLS",
    "bulks",
    "cell_queries",
    "changes_of",
    "column_queries",
    "fuller_than",
    "key_queries",
    "latest_of",
    "setting_bulks",
    "slice_filter",
]

BULK_MAX_CHANGES = 10_000
"""Changes per bulk request; Bigtable refuses more than 100 000."""
BULK_MAX_BYTES = 4 * 1024 * 1024
"""Bytes of values per bulk request, well below the gRPC message limit."""
READ_MAX_KEYS = 1_000
"""Keys per read request, which Bigtable bounds to 512 KiB."""
FILTER_MAX_COLUMNS = 16
"""Columns that a filter names, as a filter is bounded to 20 KiB and slow with many branches."""
WIDE_CELLS = 2_000
"""Cells that are read of a row of which more are wanted than a filter names: 60 kB, and all that
nearly any row has. A row of a million would take seconds."""
MICROS_PER_MS = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LATEST = CellsColumnLimitFilter(1)
"""The newest version of each cell."""


def changes_of(mutation: RowMutation, now_ms: int) -> list[Mutation]:
    """Translate the change of one row."""
    changes: list[Mutation] = [DeleteAllFromRow()] if mutation.delete_row else []
    # A set without a date clears newer versions first: it must show, whatever the clocks said.
    undated = mutation.timestamp_ms is None
    dropped = dict.fromkeys([*mutation.deletes, *(mutation.sets if undated else ())])
    changes += [DeleteRangeFromColumn(FAMILY, column) for column in dropped]
    timestamp_ms = now_ms if mutation.timestamp_ms is None else mutation.timestamp_ms
    changes += [
        SetCell(FAMILY, column, value, timestamp_micros=timestamp_ms * MICROS_PER_MS)
        for column, value in mutation.sets.items()
    ]
    return changes


def bulks(mutations: Collection[RowMutation], now_ms: int) -> Iterator[list[RowMutationEntry]]:
    """Translate changes of rows of one table, as many to a request as it takes.

    Entries of one request are applied in any order, so the changes of a row become one entry.
    """
    by_key: dict[bytes, list[Mutation]] = {}
    for mutation in mutations:
        by_key.setdefault(mutation.key, []).extend(changes_of(mutation, now_ms))
    return _requests(by_key)


def setting_bulks(
    cells: Iterable[tuple[bytes, bytes]], value: bytes, timestamp_ms: int
) -> Iterator[list[RowMutationEntry]]:
    """Translate dated sets of one value, (key, column) each; rows share the change of a column."""
    micros = timestamp_ms * MICROS_PER_MS
    of_column: dict[bytes, Mutation] = {}
    by_key: dict[bytes, list[Mutation]] = {}
    for key, column in cells:
        change = of_column.get(column)
        if change is None:
            change = SetCell(FAMILY, column, value, timestamp_micros=micros)
            of_column[column] = change
        by_key.setdefault(key, []).append(change)
    return _requests(by_key)


def _requests(by_key: Mapping[bytes, list[Mutation]]) -> Iterator[list[RowMutationEntry]]:
    entries: list[RowMutationEntry] = []
    count = size = 0
    for key, changes in by_key.items():
        if not changes:
            continue
        row_size = sum(len(c.new_value) for c in changes if isinstance(c, SetCell))
        if entries and (
            count + len(changes) > BULK_MAX_CHANGES or size + row_size > BULK_MAX_BYTES
        ):
            yield entries
            entries, count, size = [], 0, 0
        entries.append(RowMutationEntry(key, changes))
        count += len(changes)
        size += row_size
    if entries:
        yield entries


def key_queries(keys: Collection[bytes], row_filter: RowFilter) -> list[ReadRowsQuery]:
    """Ask for these rows, filtered."""
    wanted: list[bytes | str] = list(dict.fromkeys(keys))
    return [
        ReadRowsQuery(row_keys=wanted[at : at + READ_MAX_KEYS], row_filter=row_filter)
        for at in range(0, len(wanted), READ_MAX_KEYS)
    ]


def cell_queries(names: Collection[CellName]) -> list[tuple[str, ReadRowsQuery]]:
    """Ask for these cells, as (table, query); the answers may hold others of the same rows.

    One query for a table whose cells have few columns between them, else one for the rows with the
    same columns: of these the first `WIDE_CELLS` cells, where the columns are many.
    """
    columns: dict[str, dict[bytes, set[bytes]]] = {}
    for table, key, column in names:
        columns.setdefault(table, {}).setdefault(key, set()).add(column)
    queries: list[tuple[str, ReadRowsQuery]] = []
    for table, by_key in columns.items():
        together = frozenset[bytes]().union(*by_key.values())
        keys: dict[frozenset[bytes], list[bytes]] = {}
        for key, own in by_key.items():
            few = len(together) <= FILTER_MAX_COLUMNS
            keys.setdefault(together if few else frozenset(own), []).append(key)
        for wanted, group in keys.items():
            few = len(wanted) <= FILTER_MAX_COLUMNS
            cells = latest_of(wanted) if few else slice_filter(b"", WIDE_CELLS)
            queries += [(table, query) for query in key_queries(group, cells)]
    return queries


def column_queries(key: bytes, columns: Collection[bytes]) -> list[ReadRowsQuery]:
    """Ask for these columns of one row, however many cells it has."""
    rising = sorted(columns)
    parts = (
        rising[at : at + FILTER_MAX_COLUMNS] for at in range(0, len(rising), FILTER_MAX_COLUMNS)
    )
    return [ReadRowsQuery(row_keys=[key], row_filter=latest_of(part)) for part in parts]


def slice_filter(columns_from: bytes, cells: int | None, value: bytes | None = None) -> RowFilter:
    """Ask for the newest versions of the first `cells` columns (None: all) at or after one.

    Of those that have a `value` (None: any).
    """
    filters: list[RowFilter] = [ColumnRangeFilter(FAMILY, columns_from)] if columns_from else []
    filters.append(LATEST)
    if value is not None:
        filters.append(ValueRangeFilter(value, value))
    if cells is not None:
        # Counts cells, so it comes after what leaves one for each column.
        filters.append(CellsRowLimitFilter(cells))
    return RowFilterChain(filters) if len(filters) > 1 else LATEST


def fuller_than(cells: int, room: Room) -> RowFilter:
    """Ask for what is left of those cells of a row that count, without the first `cells` of them.

    Gives something only where more of them count.
    """
    young_from = _EPOCH + timedelta(milliseconds=room.young_from_ms)
    counting = RowFilterUnion(
        [
            RowFilterChain([LATEST, ValueRangeFilter(room.value, room.value)]),
            RowFilterChain(
                [
                    ColumnRangeFilter(FAMILY, room.kept_from),
                    LATEST,
                    TimestampRangeFilter(start=young_from),
                ]
            ),
        ]
    )
    return RowFilterChain([counting, CellsRowOffsetFilter(cells)]) if cells else counting


def latest_of(columns: Collection[bytes]) -> RowFilter:
    """Ask for the newest versions of these columns, at most `FILTER_MAX_COLUMNS`."""
    ranges: list[RowFilter] = [ColumnRangeFilter(FAMILY, column, column) for column in columns]
    return RowFilterChain([ranges[0] if len(ranges) == 1 else RowFilterUnion(ranges), LATEST])
