"""JSON cells that processes of two versions read and write side by side, as in a rolling upgrade.

The rule for whoever changes a form: fields are only ever added, with a default for cells that lack
them; what a form says never changes its meaning. Then an older process reads what it knows of a
newer cell, and what it does not know survives its changes: a compare-and-set compares what the cell
says to this version, and the rest is taken over.

A form is an object, or an array whose further places are further fields.
"""

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from services.platform.errors import UnavailableError
from services.platform.rows.cells import swap_cell
from services.platform.rows.port import CellName, RowStore
from services.platform.rows.reading import UNREADABLE

__all__ = ["JsonCells"]

Value = TypeVar("Value")

MAX_ATTEMPTS = 10
"""Tries to change a cell; each lost one means that a newer process changed what only it knows."""


class JsonCells(Generic[Value]):
    """One form: how a value is said in JSON, `encode`, and read from it, `decode`.

    `decode` passes over what it does not know, and raises one of `UNREADABLE` for what is not of
    the form.
    """

    def __init__(
        self,
        encode: Callable[[Value], Any],
        decode: Callable[[Any], Value],
        *,
        sort_keys: bool = False,
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._sort_keys = sort_keys

    def dumps(self, value: Value) -> bytes:
        """Write a value as this version says it: one byte string for each."""
        return self._bytes(self._encode(value))

    def loads(self, cell: bytes) -> Value:
        """Read a cell, of this version or another; raises one of `UNREADABLE`."""
        return self._decode(json.loads(cell))

    async def add(self, rows: RowStore, cell: CellName, value: Value) -> Value | None:
        """Write a cell that is absent; gives what was there, None if this was written. Atomic."""
        found = await swap_cell(rows, cell, None, self.dumps(value))
        return None if found is None else self.loads(found)

    async def replace(
        self, rows: RowStore, cell: CellName, before: Value, after: Value | None
    ) -> bool:
        """Change a cell that says `before`, or remove it (None); False, and nothing changed, else.

        Atomic. One call, but for cells that another version wrote. Raises `UnavailableError` where
        one of those changes faster than it can be taken over.
        """
        expected = self.dumps(before)
        changed = None if after is None else self.dumps(after)
        for _ in range(MAX_ATTEMPTS):
            found = await swap_cell(rows, cell, expected, changed)
            if found == expected:
                return True
            if found is None or not self._says(found, before):
                return False
            expected = found
            changed = None if after is None else self._taking_over(found, before, after)
        raise UnavailableError(f"a cell of {cell.table} is changing too fast")

    def _says(self, cell: bytes, value: Value) -> bool:
        try:
            return self.loads(cell) == value
        except UNREADABLE:
            return False

    def _taking_over(self, cell: bytes, before: Value, after: Value) -> bytes:
        """Say `after`, with all of the cell that is no part of `before`."""
        found, known, said = json.loads(cell), self._encode(before), self._encode(after)
        if isinstance(found, dict):
            unknown = {name: value for name, value in found.items() if name not in known}
            return self._bytes({**unknown, **said})
        return self._bytes([*said, *found[len(known) :]])

    def _bytes(self, said: Any) -> bytes:  # noqa: ANN401 - JSON
        return json.dumps(said, sort_keys=self._sort_keys, separators=(",", ":")).encode()
