"""What replicas know together of a job, on rows: who has it, and how far it is."""

from typing import Final

from services.engagement.spec import JOBS
from services.platform.rows.cells import swap_cell
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
        cell = CellName(JOBS.name, job.encode(), _HOLDER)
        found = (await self._rows.read_cells([cell])).get(cell)
        before = None if found is None else found.value
        if before is not None and _is_held(before, owner, now_ms):
            return False
        after = f"{until_ms} {owner}".encode()
        return await swap_cell(self._rows, cell, before, after) == before

    async def place(self, job: str) -> bytes:
        """Read the place."""
        cell = CellName(JOBS.name, job.encode(), _PLACE)
        found = (await self._rows.read_cells([cell])).get(cell)
        return b"" if found is None else found.value

    async def move(self, job: str, place: bytes) -> None:
        """Write the place."""
        await self._rows.mutate([RowMutation(JOBS.name, job.encode(), {_PLACE: place})])


def _is_held(holder: bytes, owner: str, now_ms: int) -> bool:
    """Whether it is held by somebody else; what cannot be read holds nothing."""
    until, _, other = holder.decode(errors="replace").partition(" ")
    if not until.isdecimal() or other == owner:
        return False
    return now_ms < int(until) <= now_ms + MAX_LEASE_MS
