"""Cells written whole, alone or by compare-and-set; None stands for a cell that is absent."""

from collections.abc import Mapping

from services.platform.rows.port import CellName, RowMutation, RowStore

__all__ = ["overwriting", "swap_cell"]


def overwriting(table: str, key: bytes, cells: Mapping[bytes, bytes | None]) -> RowMutation:
    """Build the change of a row that writes these cells whole, None for absent."""
    sets = {column: value for column, value in cells.items() if value is not None}
    absent = tuple(column for column, value in cells.items() if value is None)
    return RowMutation(table, key, deletes=absent, sets=sets)


async def swap_cell(
    rows: RowStore, cell: CellName, before: bytes | None, after: bytes | None
) -> bytes | None:
    """Write `after` if the cell holds `before`; None stands for absent.

    Atomic. Returns what was found: it was written if that is `before`.
    """
    table, key, column = cell
    change = overwriting(table, key, {column: after})
    return await rows.check_and_mutate(table, key, column, before, change)
