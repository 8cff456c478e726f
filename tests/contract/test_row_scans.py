"""Many scans in one call of a `RowStore`, held against one after the other."""

import asyncio

import pytest

from services.platform.rows.port import RowMutation, RowStore, Scan
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

KEYS = [b"a%d" % number for number in range(9)]
COLUMNS = [b"c%d" % number for number in range(5)]
SCANS = [
    Scan("first", b"a", b"b", 100),
    Scan("second", b"a", b"b", 3),
    Scan("first", b"a2", b"a5", 2, b"c1"),
    Scan("second", b"a", b"b", 100, b"c2", 2),
    Scan("first", KEYS[4], KEYS[4] + b"\0", 1, b"", 3),
    Scan("first", b"x", b"y", 10),
    Scan("first", b"b", b"a", 10),
    Scan("second", b"a", b"b", 0),
]


@pytest.mark.parametrize("in_order", [False, True])
async def test_many_scans_are_as_each_alone(store: RowStore, *, in_order: bool) -> None:
    await store.mutate(
        [
            RowMutation(table, key, dict.fromkeys(COLUMNS, table.encode() + key))
            for table in ("first", "second")
            for key in KEYS
        ]
    )
    alone = [
        await store.scan(
            scan.table,
            scan.start,
            scan.end,
            limit=scan.limit,
            columns_from=scan.columns_from,
            cells_per_row=scan.cells_per_row,
        )
        for scan in SCANS
    ]
    assert await store.scan_many(SCANS, in_order=in_order) == alone
    assert [len(rows) for rows in alone] == [9, 3, 2, 9, 1, 0, 0, 0]
    assert await store.scan_many([]) == []


async def test_a_scan_that_has_enough_may_end_with_that_row(store: RowStore) -> None:
    await store.mutate([RowMutation("first", key, dict.fromkeys(COLUMNS, b"1")) for key in KEYS])
    whole = Scan("first", b"a", b"b", 8, cells_per_row=4)
    (rows,) = await store.scan_many([whole])
    enough = Scan("first", b"a", b"b", 8, cells_per_row=4, enough_cells=9)
    (some,) = await store.scan_many([enough])
    assert 3 <= len(some) <= len(rows) == 8
    assert some == rows[: len(some)]


async def test_a_scan_of_one_value_passes_over_all_others(store: RowStore) -> None:
    columns = [b"c%02d" % number for number in range(40)]
    gone = columns[1::2]
    for key in KEYS[:3]:
        # What is gone was there once: of a cell its newest version says what it is.
        await store.mutate(
            [RowMutation("first", key, dict.fromkeys(columns, b"1"), timestamp_ms=1_000)]
        )
        await store.mutate(
            [RowMutation("first", key, dict.fromkeys(gone, b"0"), timestamp_ms=2_000)]
        )
    await store.mutate([RowMutation("first", KEYS[1], dict.fromkeys(columns, b"0"))])
    some = Scan("first", b"a", b"b", 9, columns_from=columns[9], cells_per_row=5, value=b"1")
    rest = Scan("first", KEYS[2], b"b", 1, columns_from=columns[33], cells_per_row=5, value=b"1")
    none = Scan("first", b"a", b"b", 9, cells_per_row=5, value=b"")
    found = await store.scan_many([some, rest, none])
    assert [[(row.key, list(row.cells)) for row in rows] for rows in found] == [
        [(KEYS[0], columns[10:20:2]), (KEYS[2], columns[10:20:2])],
        [(KEYS[2], columns[34::2])],
        [],
    ]


async def test_scans_in_order_see_no_less_than_those_before(store: RowStore) -> None:
    ended = asyncio.Event()

    async def write() -> None:
        for number in range(1, 60):
            value = b"%03d" % number
            await store.mutate([RowMutation("first", b"k", {b"c": value})])
            await store.mutate([RowMutation("second", b"k", {b"c": value})])
        ended.set()

    writing = asyncio.create_task(write())
    later = Scan("second", b"k", b"l", 1)
    earlier = Scan("first", b"k", b"l", 1)
    while not ended.is_set():
        then, now = await store.scan_many([later, earlier], in_order=True)
        seen = [rows[0].cells[b"c"] if rows else b"" for rows in (then, now)]
        assert seen[0] <= seen[1]
    await writing
