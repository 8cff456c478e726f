"""What operators have set for the fan-out: a cell of the row that also holds what is paused."""

from services.fanout.spec import CONTROLS
from services.platform.rows.cells import overwriting
from services.platform.rows.port import RowStore

__all__ = ["RowThresholdStore"]


_KEY = b"controls"
_THRESHOLD = b"threshold"


class RowThresholdStore:
    """A `ThresholdStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def load(self) -> int | None:
        """Read the one cell; what is no number is as if nobody had set it."""
        row = (await self._rows.read_rows(CONTROLS.name, [_KEY])).get(_KEY)
        threshold = row.cells.get(_THRESHOLD, b"") if row is not None else b""
        return int(threshold) if threshold.isdigit() else None

    async def set_threshold(self, followers: int | None) -> None:
        """Write the cell, or delete it for None."""
        value = None if followers is None else b"%d" % followers
        await self._rows.mutate([overwriting(CONTROLS.name, _KEY, {_THRESHOLD: value})])
