"""The list of changes, and what replicas report, as rows.

An entry is one row, however many tweets it names: cell `ids`, or cell `rebuild` for the request to
build every index anew. A report is one JSON cell.
"""

import json
import secrets
import struct
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.platform.ids.model import MAX_ID
from services.platform.rows.keys import KeyRange
from services.platform.rows.port import Row, RowMutation, RowStore
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.platform.runtime.clock import Clock
from services.search.keys import (
    change_key,
    changes_behind,
    changes_since,
    parse_change_key,
    replica_key,
)
from services.search.model import Change, IndexReport
from services.search.spec import CHANGES, REPLICAS

__all__ = ["RowChanges", "RowReports"]

MOST_REPLICAS: Final = 1_000
"""More than there will ever be; bounds one read."""

_IDS: Final = b"ids"
_REBUILD: Final = b"rebuild"
_REPORT: Final = b"report"
_ID_BYTES: Final = 8


class RowChanges:
    """A `Changes` on a `RowStore`."""

    def __init__(self, rows: RowStore, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def append(self, tweet_ids: Sequence[int]) -> None:
        """Write one row that names them all."""
        await self._write({_IDS: struct.pack(f">{len(tweet_ids)}Q", *tweet_ids)})

    async def request_rebuild(self) -> None:
        """Write a row that asks for it."""
        await self._write({_REBUILD: b"1"})

    async def since(self, at_ms: int, limit: int) -> Sequence[Change]:
        """Scan from a time on."""
        return await self._scan(changes_since(at_ms), limit)

    async def behind(self, key: bytes, limit: int) -> Sequence[Change]:
        """Scan from behind a key on."""
        return await self._scan(changes_behind(key), limit)

    async def _write(self, cells: dict[bytes, bytes]) -> None:
        key = change_key(self._clock.now_ms(), secrets.randbelow(MAX_ID))
        await self._rows.mutate([RowMutation(CHANGES.name, key, cells)])

    async def _scan(self, keys: KeyRange, limit: int) -> Sequence[Change]:
        rows = await self._rows.scan(CHANGES.name, keys.start, keys.end, limit=limit)
        return [_change(row) for row in rows]


class RowReports:
    """A `Reports` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def report(self, report: IndexReport) -> None:
        """Write the row of the replica."""
        cell = json.dumps(asdict(report), separators=(",", ":")).encode()
        key = replica_key(report.replica)
        await self._rows.mutate([RowMutation(REPLICAS.name, key, {_REPORT: cell})])

    async def read(self) -> Sequence[IndexReport]:
        """Scan them all."""
        rows = await self._rows.scan(REPLICAS.name, b"", b"\xff", limit=MOST_REPLICAS)
        return [report for row in rows if (report := _report(row)) is not None]


def _change(row: Row) -> Change:
    """Read an entry; one that cannot be read names nothing, and is logged."""
    at_ms = 0
    try:
        at_ms = parse_change_key(row.key)
        ids = row.cells.get(_IDS, b"")
        known = struct.unpack(f">{len(ids) // _ID_BYTES}Q", ids)
        if not all(0 < each <= MAX_ID for each in known):
            raise ValueError("ids are positive numbers of 63 bits")
        return Change(row.key, at_ms, known, _REBUILD in row.cells)
    except (*UNREADABLE, struct.error) as error:
        log_unreadable(CHANGES.name, row, ValueError(str(error)))
        return Change(row.key, at_ms, (), rebuild=False)


def _report(row: Row) -> IndexReport | None:
    try:
        said = json.loads(row.cells[_REPORT])
        # A newer version may say more; what is not known here is passed over.
        return IndexReport(**{name: said[name] for name in IndexReport.__slots__})
    except UNREADABLE as error:
        log_unreadable(REPLICAS.name, row, error)
        return None
