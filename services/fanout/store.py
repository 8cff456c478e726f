"""What operators have set for the fan-out: one row, a cell for each thing that is set.

Cells, not one value: two operators at once do not undo each other's pauses.
"""

from collections.abc import Mapping, Sequence

from services.fanout.ports import StoredControls
from services.fanout.spec import CONTROLS
from services.platform.rows.cells import overwriting
from services.platform.rows.port import RowStore

__all__ = ["RowControlStore"]


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
        threshold = cells.get(_THRESHOLD, b"")
        # What cannot be read is as if nobody had set it; the rest stays in force.
        return StoredControls(
            int(threshold) if threshold.isdigit() else None,
            frozenset(
                column.removeprefix(_PAUSED).decode(errors="replace")
                for column in cells
                if column.startswith(_PAUSED)
            ),
        )

    async def set_threshold(self, followers: int | None) -> None:
        """See `ControlStore.set_threshold`."""
        await self._write({_THRESHOLD: None if followers is None else b"%d" % followers})

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """See `ControlStore.set_paused`."""
        value = _YES if paused else None
        await self._write({_PAUSED + name.encode(): value for name in names})

    async def _write(self, cells: Mapping[bytes, bytes | None]) -> None:
        await self._rows.mutate([overwriting(CONTROLS.name, _KEY, cells)])
