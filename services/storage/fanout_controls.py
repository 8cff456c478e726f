"""What operators have set for the fan-out: one row, a cell for each thing that is set.

Cells, not one value: two operators at once do not undo each other's pauses.
"""

from collections.abc import Mapping, Sequence

from services.fanout.ports import StoredControls
from services.storage.rows import RowMutation, RowStore, TableSpec

__all__ = ["CONTROLS", "RowControlStore"]

CONTROLS = TableSpec("fanout_controls")
"""Kept until somebody sets it otherwise."""

_KEY = b"controls"
_THRESHOLD = b"threshold"
_PAUSED = b"paused#"
_YES = b"1"


class RowControlStore:
    """A `ControlStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def load(self) -> StoredControls:
        """See `ControlStore.load`."""
        row = (await self._rows.read_rows(CONTROLS.name, [_KEY])).get(_KEY)
        cells = row.cells if row is not None else {}
        threshold = cells.get(_THRESHOLD)
        return StoredControls(
            None if threshold is None else int(threshold),
            frozenset(
                column.removeprefix(_PAUSED).decode()
                for column in cells
                if column.startswith(_PAUSED)
            ),
        )

    async def set_threshold(self, followers: int | None) -> None:
        """See `ControlStore.set_threshold`."""
        cells = {} if followers is None else {_THRESHOLD: b"%d" % followers}
        await self._replace([_THRESHOLD], cells)

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """See `ControlStore.set_paused`."""
        columns = [_PAUSED + name.encode() for name in names]
        await self._replace(columns, dict.fromkeys(columns, _YES) if paused else {})

    async def _replace(self, columns: Sequence[bytes], cells: Mapping[bytes, bytes]) -> None:
        # A set alone loses against a cell from a clock that was ahead; a delete looks at no clock.
        await self._rows.mutate([RowMutation(CONTROLS.name, _KEY, sets=cells, deletes=columns)])
