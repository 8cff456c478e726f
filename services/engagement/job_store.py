"""What replicas know together of a job, on rows: who has it, and how far it is."""

from typing import Final

from services.engagement.spec import JOBS
from services.platform.rows.leases import take
from services.platform.rows.port import CellName, RowMutation, RowStore

__all__ = ["RowJobs"]

MAX_LEASE_MS: Final = 3_600_000
"""A job that is held for longer was taken by a clock that was wrong, and is free."""

_HOLDER = b"holder"
_PLACE = b"place"


class RowJobs:
    """A `JobStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def take(self, job: str, owner: str, now_ms: int, until_ms: int) -> bool:
        """Write the holder by compare-and-set."""
        return await take(
            self._rows,
            CellName(JOBS.name, job.encode(), _HOLDER),
            owner=owner,
            now_ms=now_ms,
            until_ms=until_ms,
            longest_ms=MAX_LEASE_MS,
        )

    async def place(self, job: str) -> bytes:
        """Read the place."""
        cell = CellName(JOBS.name, job.encode(), _PLACE)
        found = (await self._rows.read_cells([cell])).get(cell)
        return b"" if found is None else found.value

    async def move(self, job: str, place: bytes) -> None:
        """Write the place."""
        await self._rows.mutate([RowMutation(JOBS.name, job.encode(), {_PLACE: place})])
