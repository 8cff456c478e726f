"""Worker leases as rows: one row per worker number, one cell with the whole lease."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.id.keys import parse_worker_row_key, worker_row_key
from services.id.spec import LEASES
from services.platform.ids.model import Lease
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.port import CellName, Row, RowStore

__all__ = ["RowLeaseStore"]


_COLUMN = b"lease"


class RowLeaseStore:
    """A `LeaseStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def get(self, workers: Sequence[int]) -> dict[int, Lease]:
        """Read the newest lease of each worker; one never leased is left out."""
        found = await self._rows.read_rows(LEASES.name, [worker_row_key(w) for w in workers])
        leases = (_lease(row) for row in found.values())
        return {lease.worker: lease for lease in leases}

    async def claim(self, expected: Lease | None, lease: Lease) -> bool:
        """Write a worker's lease if the stored one is `expected`, by compare-and-set."""
        cell = CellName(LEASES.name, worker_row_key(lease.worker), _COLUMN)
        form = _leases(lease.worker)
        if expected is None:
            return await form.add(self._rows, cell, lease) is None
        return await form.replace(self._rows, cell, expected, lease)


def _leases(worker: int) -> JsonCells[Lease]:
    """Give the form of a worker's lease, whose number is in its key alone."""
    return JsonCells(_encode, partial(_decode, worker))


def _lease(row: Row) -> Lease:
    return _leases(parse_worker_row_key(row.key)).loads(row.cells[_COLUMN])


def _encode(lease: Lease) -> list[Any]:
    return [lease.not_before_ms, lease.expires_at_ms, lease.owner]


def _decode(worker: int, found: list[Any]) -> Lease:
    not_before_ms, expires_at_ms, owner, *_ = found
    return Lease(worker, owner, not_before_ms, expires_at_ms)
