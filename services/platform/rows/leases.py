"""Who of several processes has something to do alone, in a cell: until a time, and as whom.

Times are those of the processes' clocks. One that is wrong has two of them work at once, or nobody
for as long as a lease lasts; so what is done under a lease has to bear being done twice.
"""

from services.platform.rows.cells import swap_cell
from services.platform.rows.port import CellName, RowStore

__all__ = ["give_back", "take"]


async def take(  # noqa: PLR0913 - one value each, all named by the caller
    rows: RowStore, cell: CellName, *, owner: str, now_ms: int, until_ms: int, longest_ms: int
) -> bool:
    """Take a lease, or keep it, until a time; false where somebody else has it.

    Atomic. One that runs for longer than `longest_ms` was taken by a clock that was wrong, and is
    free. Raises `UnavailableError`, and then it may have been taken.
    """
    found = (await rows.read_cells([cell])).get(cell)
    before = None if found is None else found.value
    if before is not None and _is_held(before, owner, now_ms, longest_ms):
        return False
    after = f"{until_ms} {owner}".encode()
    return await swap_cell(rows, cell, before, after) == before


async def give_back(rows: RowStore, cell: CellName, owner: str) -> None:
    """Let others have it at once, if it is `owner`'s. Raises `UnavailableError`."""
    found = (await rows.read_cells([cell])).get(cell)
    if found is not None and _read(found.value)[1] == owner:
        await swap_cell(rows, cell, found.value, None)


def _is_held(holder: bytes, owner: str, now_ms: int, longest_ms: int) -> bool:
    """Whether it is held by somebody else; what cannot be read holds nothing."""
    until_ms, other = _read(holder)
    return other != owner and now_ms < until_ms <= now_ms + longest_ms


def _read(holder: bytes) -> tuple[int, str]:
    until, _, owner = holder.decode(errors="replace").partition(" ")
    return (int(until) if until.isascii() and until.isdecimal() else 0), owner
