"""Worker leases as rows: one row per worker number, one cell with the whole lease."""

import json
from collections.abc import Sequence

from services.id.model import Lease
from services.storage.keys import parse_worker_row_key, worker_row_key
from services.storage.rows import Row, RowMutation, RowStore, TableSpec

__all__ = ["LEASES", "RowLeaseStore"]

LEASES = TableSpec("leases")
"""Kept for ever: a forgotten window could be granted twice."""

_COLUMN = b"lease"


class RowLeaseStore:
    """A `LeaseStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def get(self, workers: Sequence[int]) -> dict[int, Lease]:
        """See `LeaseStore.get`."""
        found = await self._rows.read_rows(LEASES.name, [worker_row_key(w) for w in workers])
        leases = (_decode(row) for row in found.values())
        return {lease.worker: lease for lease in leases}

    async def claim(self, expected: Lease | None, lease: Lease) -> bool:
        """See `LeaseStore.claim`."""
        key = worker_row_key(lease.worker)
        before = None if expected is None else _encode(expected)
        mutation = RowMutation(
            LEASES.name,
            key,
            # A set alone loses against a cell from a clock that was ahead; the delete does not
            # look at timestamps, so a won comparison is always a made write.
            deletes=(_COLUMN,),
            sets={_COLUMN: _encode(lease)},
        )
        found = await self._rows.check_and_mutate(LEASES.name, key, _COLUMN, before, mutation)
        return found == before


def _encode(lease: Lease) -> bytes:
    """One byte string per lease, for the compare-and-set compares bytes."""
    fields = [lease.not_before_ms, lease.expires_at_ms, lease.owner]
    return json.dumps(fields, separators=(",", ":")).encode()


def _decode(row: Row) -> Lease:
    not_before_ms, expires_at_ms, owner = json.loads(row.cells[_COLUMN])
    return Lease(parse_worker_row_key(row.key), owner, not_before_ms, expires_at_ms)
