"""The wide-column port: what every durable store in Aviary is built on.

It promises what Bigtable promises and no more, so that one set of stores runs on both engines:
a row changes atomically, rows change independently, keys sort as bytes, and the newest write of
a cell wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Row", "RowMutation", "RowStore", "TableSpec"]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table and its retention. The one column family of each table is named `c`."""

    name: str
    max_age_s: int | None = None
    """Cells older than this may be dropped by the engine at any time; None keeps them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read: cells in column order, never empty."""

    key: bytes
    cells: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class RowMutation:
    """A change of one row: first `deletes` (or the whole row), then `sets`.

    A set with an older `timestamp_ms` than the stored cell's changes nothing (last writer wins);
    with an equal one it overwrites. Deletes ignore timestamps and leave no tombstone, so data that
    is written with timestamps marks absence with a value instead.
    """

    table: str
    key: bytes
    sets: Mapping[bytes, bytes] = field(default_factory=dict)
    deletes: Sequence[bytes] = ()
    delete_row: bool = False
    timestamp_ms: int | None = None
    """Unix milliseconds; None means the time of the write."""


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

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        """Apply `mutation` (of the same row) if the cell's value is `expected` (None: absent).

        Atomic. Returns the value found before the change: the caller won if it equals `expected`.
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

    async def scan(
        self,
        table: str,
        start: bytes,
        end: bytes,
        *,
        limit: int,
        columns_from: bytes = b"",
    ) -> list[Row]:
        """Rows with `start <= key < end` in key order, at most `limit` rows.

        Only cells with `column >= columns_from` are read; rows left without cells are skipped and
        do not count.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and free the engine's resources."""
        ...
