"""Cells of two versions, on each engine: what the older does not know survives its changes."""

import json
from typing import Any, Final

import pytest

from services.platform.rows.json_cells import JsonCells
from services.platform.rows.port import CellName, RowMutation, RowStore, TableSpec
from tests.contract.newer_rows import NewerRows, says_more
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

FIRST = TableSpec("first")
CELL = CellName("first", b"row", b"c")


def _object(found: Any) -> tuple[int, int]:
    return found["a"], found.get("b", 0)


def _array(found: Any) -> tuple[int, int]:
    a, b, *_ = found
    return a, b


OBJECTS: Final = JsonCells[tuple[int, int]](
    lambda value: {"a": value[0], **({"b": value[1]} if value[1] else {})}, _object
)
ARRAYS: Final = JsonCells[tuple[int, int]](list, _array)
each_form = pytest.mark.parametrize("cells", [OBJECTS, ARRAYS], ids=["object", "array"])


async def held(store: RowStore) -> bytes:
    return (await store.read_rows("first", [b"row"]))[b"row"].cells[b"c"]


@each_form
async def test_older_and_newer_change_a_cell_in_turn(
    store: RowStore, cells: JsonCells[tuple[int, int]]
) -> None:
    newer = NewerRows(store)
    assert await cells.add(newer, CELL, (0, 1)) is None
    assert await cells.add(store, CELL, (5, 5)) == (0, 1)
    for number in range(4):
        rows = (store, newer)[number % 2]
        assert await cells.replace(rows, CELL, (number, 1), (number + 1, 1))
        assert says_more(await held(store))
    # A field that is left out where it has its default does not come back from what was there.
    assert await cells.replace(store, CELL, (4, 1), (4, 0))
    assert cells.loads(await held(store)) == (4, 0)
    assert says_more(await held(store))
    assert not await cells.replace(store, CELL, (4, 1), (9, 9))
    assert await cells.replace(store, CELL, (4, 0), None)
    assert not await cells.replace(store, CELL, (4, 0), (9, 9))
    assert await store.read_rows("first", [b"row"]) == {}


@pytest.mark.parametrize("garbage", [b"", b"{", b"7", b'"x"', b"[1]", b"{}", b"[" * 10_000])
@each_form
async def test_what_is_not_of_the_form_is_left_alone(
    store: RowStore, cells: JsonCells[tuple[int, int]], garbage: bytes
) -> None:
    await store.mutate([RowMutation("first", b"row", {b"c": garbage})])
    assert not await cells.replace(store, CELL, (1, 2), (3, 4))
    assert not await cells.replace(store, CELL, (1, 2), None)
    assert await held(store) == garbage


async def test_form_written_in_another_order_is_the_same(store: RowStore) -> None:
    await store.mutate([RowMutation("first", b"row", {b"c": b'{ "b": 2, "a": 1 }'})])
    assert await OBJECTS.replace(store, CELL, (1, 2), (3, 4))
    assert json.loads(await held(store)) == {"a": 3, "b": 4}
