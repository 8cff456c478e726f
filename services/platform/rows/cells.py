"""Cells that are written whole: absent or so, alone or by compare-and-set."""

from collections.abc import Mapping
from typing import NamedTuple

from services.platform.rows.port import RowMutation, RowStore, TableSpec

__all__ = ["Cell", "overwriting", "swap_cell"]


def overwriting(table: TableSpec, key: bytes, cells: Mapping[bytes, bytes | None]) -> RowMutation:
    """Build the change of a row that leaves just these cells so, None for absent."""
    sets = {column: value for column, value in cells.items() if value is not None}
    absent = tuple(column for column, value in cells.items() if value is None)
    return RowMutation(table.name, key, deletes=absent, sets=sets)


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
