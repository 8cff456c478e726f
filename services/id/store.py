"""Worker leases as rows: one row per worker number, one cell with the whole lease."""

import json
from collections.abc import Sequence

from services.id.keys import parse_worker_row_key, worker_row_key
from services.id.spec import LEASES
from services.platform.ids.model import Lease
from services.platform.rows.cells import swap_cell
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
        leases = (_decode(row) for row in found.values())
        return {lease.worker: lease for lease in leases}

    async def claim(self, expected: Lease | None, lease: Lease) -> bool:
        """Write a worker's lease if the stored one is `expected`, by compare-and-set."""
        cell = CellName(LEASES.name, worker_row_key(lease.worker), _COLUMN)
        before = None if expected is None else _encode(expected)
        return await swap_cell(self._rows, cell, before, _encode(lease)) == before


def _encode(lease: Lease) -> bytes:
    """One byte string per lease, for the compare-and-set compares bytes."""
    fields = [lease.not_before_ms, lease.expires_at_ms, lease.owner]
    return json.dumps(fields, separators=(",", ":")).encode()


def _decode(row: Row) -> Lease:
    not_before_ms, expires_at_ms, owner = json.loads(row.cells[_COLUMN])
    return Lease(parse_worker_row_key(row.key), owner, not_before_ms, expires_at_ms)
