"""The list of names as rows: one for each name of a user, with its mark in cell `mark`."""

from collections.abc import Collection, Mapping, Sequence

from services.platform.rows.cells import swap_cell
from services.platform.rows.port import CellName, RowMutation, RowStore
from services.platform.rows.reading import log_unreadable
from services.user.keys import name_row_key, names_from, parse_name_row_key
from services.user.model import ListedName
from services.user.spec import NAMES

__all__ = ["RowNames"]

_MARK = b"mark"


class RowNames:
    """A `NameStore` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def put_names(self, user_id: int, names: Collection[str], mark: str) -> None:
        """Write all of them in one batch."""
        cells = {_MARK: mark.encode()}
        await self._rows.mutate(
            [RowMutation(NAMES.name, name_row_key(each, user_id), cells) for each in names]
        )

    async def marks(self, user_id: int, names: Collection[str]) -> Mapping[str, str]:
        """Read their cells at once."""
        cells = {each: _cell(each, user_id) for each in names}
        found = await self._rows.read_cells(cells.values())
        return {
            name: found[cell].value.decode(errors="replace")
            for name, cell in cells.items()
            if cell in found
        }

    async def remove_marked(self, user_id: int, marks: Mapping[str, str]) -> None:
        """Remove the only cell of each by compare-and-set, and with it the row."""
        for name, mark in marks.items():
            await swap_cell(self._rows, _cell(name, user_id), mark.encode(), None)

    async def remove_names(self, user_id: int, names: Collection[str]) -> None:
        """Remove the rows."""
        await self._rows.mutate(
            [
                RowMutation(NAMES.name, name_row_key(each, user_id), delete_row=True)
                for each in names
            ]
        )

    async def names_from(
        self, prefix: str, after: bytes | None, limit: int
    ) -> Sequence[ListedName]:
        """Scan the keys."""
        keys = names_from(prefix, after)
        listed: list[ListedName] = []
        for row in await self._rows.scan(NAMES.name, keys.start, keys.end, limit=limit):
            try:
                listed.append(ListedName(row.key, *parse_name_row_key(row.key)))
            except ValueError as error:
                log_unreadable(NAMES.name, row, error)
                # It is nobody's, and has its place all the same.
                listed.append(ListedName(row.key, "", 0))
        return listed


def _cell(name: str, user_id: int) -> CellName:
    return CellName(NAMES.name, name_row_key(name, user_id), _MARK)
