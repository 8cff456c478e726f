"""Pauses in rows: one row, a cell for each subscription that is paused.

Cells, not one value: two operators at once do not undo each other's pauses.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.platform.queues.ports import PauseStore
from services.platform.rows.cells import overwriting
from services.platform.rows.port import RowStore, TableSpec

__all__ = ["OpenedPauseStore", "RowPauseStore"]

_KEY: Final = b"controls"
_PAUSED: Final = b"paused#"
"""Before the name of a subscription. Other cells of the row are somebody else's."""
_YES: Final = b"1"


class RowPauseStore:
    """A `PauseStore` on a table of a `RowStore`."""

    def __init__(self, rows: RowStore, table: TableSpec) -> None:
        self._rows = rows
        self._table = table

    async def load(self) -> frozenset[str]:
        """Read the one row; a name that is no text is as if it were another's."""
        row = (await self._rows.read_rows(self._table.name, [_KEY])).get(_KEY)
        return frozenset(
            column.removeprefix(_PAUSED).decode(errors="replace")
            for column in (row.cells if row is not None else ())
            if column.startswith(_PAUSED)
        )

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """Write or delete a cell for each name, all in one mutation."""
        value = _YES if paused else None
        cells = {_PAUSED + name.encode(): value for name in names}
        await self._rows.mutate([overwriting(self._table.name, _KEY, cells)])


class OpenedPauseStore:
    """A `PauseStore` that may yet have to be opened: each call asks for it, until it is there.

    Most processes only read what is paused, from rows of another service, and must start without.
    """

    def __init__(self, opened: Callable[[], Awaitable[PauseStore]]) -> None:
        self._opened = opened

    async def load(self) -> frozenset[str]:
        """Load as the store does; `UnavailableError` also where it cannot be opened."""
        return await (await self._opened()).load()

    async def set_paused(self, names: Sequence[str], *, paused: bool) -> None:
        """Set as the store does; `UnavailableError` also where it cannot be opened."""
        await (await self._opened()).set_paused(names, paused=paused)
