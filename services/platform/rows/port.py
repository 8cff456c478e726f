"""The wide-column port: what every durable store in Aviary is built on.

It promises what Bigtable promises and no more, so that one set of stores runs on both engines:
a row changes atomically, rows change independently, and keys sort as bytes. Nothing is ordered by
a clock unless the writer asks for it, by dating what it writes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

__all__ = [
    "Bound",
    "CellName",
    "DatedCell",
    "KeyRange",
    "OverfullError",
    "Room",
    "Row",
    "RowMutation",
    "RowStore",
    "Scan",
    "TableSpec",
    "Tallies",
    "Tally",
    "check_change",
]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Row keys with `start <= key < end`."""

    start: bytes
    end: bytes


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table and its retention. The one column family of each table is named `c`."""

    name: str
    max_age_s: int | None = None
    """Cells dated earlier than this may be dropped by the engine at any time; None keeps them.

    A cell is as old as its writer's clock said, so the age leaves room for a clock that was behind.
    """
    key: str = ""
    """How its row keys are built, for a reader. Numbers are fixed-width hex; `~` is the 64-bit
    complement, by which the newest sorts first."""
    newest_first: bool = False
    """Whether what is added sorts before what its owner has: an engine may lay the table out for
    that. Reads are in the order of keys and columns all the same."""
    expired: Callable[[bytes, int], KeyRange] | None = None
    """Where keys hold a time, and end with it: of a key, which rows of its owner are past
    retention at an age limit in Unix milliseconds. The range ends after all rows of the owner.

    An engine that drops cells by itself then looks at keys instead of at dates, and need keep no
    index of dates, which would double the cost of a write. `ValueError` for no key of the table.
    """


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read: cells in column order, never empty."""

    key: bytes
    cells: Mapping[bytes, bytes]


class CellName(NamedTuple):
    """Where one value is."""

    table: str
    key: bytes
    column: bytes


class DatedCell(NamedTuple):
    """One value, and what the one who wrote it dated it."""

    value: bytes
    timestamp_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one of many scans reads; see `RowStore.scan`, whose arguments these are."""

    table: str
    start: bytes
    end: bytes
    limit: int
    columns_from: bytes = b""
    cells_per_row: int | None = None
    enough_cells: int | None = None
    """The scan may end with the row that makes it so many cells, whatever comes behind it."""
    value: bytes | None = None
    """Cells of this value alone, which the engine finds; together with `cells_per_row`."""


@dataclass(frozen=True, slots=True)
class RowMutation:
    """A change of one row: first `deletes` (or the whole row), then `sets`.

    Sets always take effect, whatever the date of what is there. Only a writer that may have to
    repeat itself later dates them: a dated set changes nothing, in silence, where the stored cell
    has a later date, and overwrites one of the same. So whoever dates a set must have read
    (`RowStore.read_cells`) what it is to overwrite, or know that all writers of the cell agree.
    Deletes look at no date and leave no tombstone, so data that is written with dates marks
    absence with a value instead.
    """

    table: str
    key: bytes
    sets: Mapping[bytes, bytes] = field(default_factory=dict)
    deletes: Sequence[bytes] = ()
    delete_row: bool = False
    timestamp_ms: int | None = None
    """The date of the sets in Unix milliseconds; None for sets that always take effect, and are
    dated by the clock, for the sake of retention alone."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter of those cells, among many that change one by one, that have a value."""

    counter: CellName
    cells: Collection[CellName]
    """Those of them that a batch may change."""
    value: bytes


@dataclass(frozen=True, slots=True)
class Bound:
    """How many cells of a row may have a value, where a batch gives it to more of them."""

    table: str
    key: bytes
    value: bytes
    most: int
    """Cells that may have it afterwards, unless they were more before; at least 0."""
    rise: int
    """More cells have it afterwards by so many at most."""


Tallies: TypeAlias = Collection[Tally | Bound]


class OverfullError(Exception):
    """A batch would have broken bounds; nothing of it was made."""

    def __init__(self, rows: frozenset[tuple[str, bytes]]) -> None:
        super().__init__("rows would have more cells of a value than they may")
        self.rows = rows
        """Those that have no room, each (table, key)."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many cells of a row count, and may: those of a value, and those that keep places."""

    value: bytes
    kept_from: bytes
    """Columns that keep places are those from here on; their cells never have `value`."""
    young_from_ms: int
    """Of those, cells count that are dated at or after this, in Unix milliseconds."""
    most: int
    """Cells that may count."""


def check_change(table: str, key: bytes, mutation: RowMutation) -> None:
    """Raise `ValueError` for what no `check_and_mutate` of this row may make."""
    if (mutation.table, mutation.key) != (table, key):
        raise ValueError("check_and_mutate changes the row it checks")
    if mutation.timestamp_ms is not None:
        raise ValueError("what a check won has no date, by which it could lose")


class RowStore(Protocol):
    """Durable rows. Every method raises `UnavailableError` when the engine cannot answer."""

    @property
    def atomic_batches(self) -> bool:
        """Whether one `mutate` call is all-or-nothing across rows and tables."""
        ...

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        """Apply and make durable, table by table in order of first appearance.

        Each row is changed atomically. On an error any prefix of the tables may have been written
        (nothing, if `atomic_batches`); repeating the call is safe.
        """
        ...

    async def mutate_counted(self, mutations: Sequence[RowMutation], tallies: Tallies) -> None:
        """`mutate`, and add to counters what that changes of their tallies, all or nothing.

        It counts what is there before and after, so that no repeat and no race is counted twice. A
        counter that is no counter cell is left alone. Nothing is made, and `OverfullError` raised,
        where that would break a bound. Only where `atomic_batches`: `NotImplementedError`
        elsewhere.
        """
        ...

    async def keep_places(
        self, table: str, key: bytes, columns: Collection[bytes], timestamp_ms: int, room: Room
    ) -> bool:
        """Set cells of a row, all of them or none, unless more cells would count then than may.

        Atomic. The cells, which keep places (`Room.kept_from`), get no value and the date, and are
        counted as if they were not there yet. False, and nothing changed, where there is no room.
        """
        ...

    async def set_cells(
        self,
        table: str,
        cells: Collection[tuple[bytes, bytes]],
        value: bytes,
        timestamp_ms: int,
    ) -> None:
        """Set cells, each (key, column), to one value of one date; durable on return.

        What `mutate` does with a dated mutation for each, at a fraction of the cost. The cells of a
        row change together (all of them, if `atomic_batches`).
        """
        ...

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Apply `mutation` (of the same row) if the cell's value is `expected` (None: absent).

        Atomic. Returns the value found before the change: the caller won if it equals `expected`.
        `ValueError` for a mutation of another row, or with a date, as what was won must show.
        """
        ...

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        """Add to a signed big-endian 64-bit counter cell (absent is 0); returns the new value.

        Atomic but not idempotent. Counter cells are written by this method or by `set` of 8 bytes.
        """
        ...

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Read many rows at once; a missing row is missing from the result."""
        ...

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        """Read single cells and their dates, also of wide rows; a missing cell is missing.

        What it costs goes by how many are asked for, not by how many their rows have.
        """
        ...

    async def scan(  # noqa: PLR0913 - which cells, by key and column
        self,
        table: str,
        start: bytes,
        end: bytes,
        *,
        limit: int,
        columns_from: bytes = b"",
        cells_per_row: int | None = None,
    ) -> list[Row]:
        """Rows with `start <= key < end` in key order, at most `limit` rows.

        Only cells with `column >= columns_from` are read, and of each row the first `cells_per_row`
        of them (positive; None: all), however many it has; rows left without cells are skipped and
        do not count.
        """
        ...

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        """Do many scans, in one read of the engine where it has such; gives the rows of each.

        `in_order`: what a scan sees is of no earlier moment than what those of other tables before
        it saw. Without that, each is of any moment of the call.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and free the engine's resources."""
        ...
