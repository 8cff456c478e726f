"""Cells whose newest write wins whatever the clocks say, alone or by compare-and-set."""

from collections.abc import Mapping
from typing import NamedTuple

from services.storage.rows import RowMutation, RowStore, TableSpec

__all__ = ["Cell", "overwriting", "swap_cell"]


def overwriting(table: TableSpec, key: bytes, cells: Mapping[bytes, bytes | None]) -> RowMutation:
    """Build the change of a row that leaves these cells so, None for absent, and no other touched.

    A set alone loses against a cell from a clock that was ahead; a delete looks at no clock.
    """
    sets = {column: value for column, value in cells.items() if value is not None}
    return RowMutation(table.name, key, deletes=tuple(cells), sets=sets)


class Cell(NamedTuple):
    """Where one value is."""

    table: TableSpec
    key: bytes
    column: bytes


async def swap_cell(
    rows: RowStore, cell: Cell, before: bytes | None, after: bytes | None
) -> bytes | None:
    """Write `after` if the cell holds `before`; None stands for absent.

    Atomic. Returns what was found: it was written if that is `before`.
    """
    table, key, column = cell
    change = overwriting(table, key, {column: after})
    return await rows.check_and_mutate(table.name, key, column, before, change)
