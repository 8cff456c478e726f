"""Many changes and reads in one call of a `RowStore`, held against one after the other."""

import random
from collections.abc import Sequence

import pytest

from services.platform.rows.port import CellName, DatedCell, RowMutation, RowStore, Tally
from services.platform.runtime.clock import SystemClock
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

TABLES = ("first", "second")
ODD = [b"a", b"b", b"a\x00", b"\x00", b"\xff" * 9, b"ab", b"\xfe" * 16]
DATES_MS = (1_000, 2_000, 3_000, None)
Cells = dict[tuple[str, bytes, bytes], tuple[bytes, int]]


def one_by_one(cells: Cells, mutation: RowMutation, now_ms: int) -> None:
    """What the port says of one change."""
    row = [name for name in cells if name[:2] == (mutation.table, mutation.key)]
    for name in row:
        if mutation.delete_row or name[2] in mutation.deletes:
            del cells[name]
    for column, value in mutation.sets.items():
        name = (mutation.table, mutation.key, column)
        dated_ms = mutation.timestamp_ms
        if dated_ms is None or name not in cells or cells[name][1] <= dated_ms:
            cells[name] = (value, now_ms if dated_ms is None else dated_ms)


def some_change(rng: random.Random) -> RowMutation:
    columns = rng.sample(ODD, 3)
    return RowMutation(
        rng.choice(TABLES),
        rng.choice(ODD),
        {column: rng.randbytes(2) for column in columns[: rng.randrange(4)]},
        deletes=rng.sample(ODD, rng.choice([0, 0, 1, 2])),
        delete_row=rng.random() < 0.1,
        timestamp_ms=rng.choice(DATES_MS),
    )


async def stored(store: RowStore) -> dict[tuple[str, bytes, bytes], bytes]:
    return {
        (table, row.key, column): value
        for table in TABLES
        for row in await store.scan(table, b"", b"\xff" * 20, limit=10_000)
        for column, value in row.cells.items()
    }


@pytest.mark.parametrize("seed", range(8))
async def test_a_batch_is_its_changes_one_after_the_other(store: RowStore, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a reproducible history, not a secret
    cells: Cells = {}
    for _ in range(6):
        batch = [some_change(rng) for _ in range(rng.randrange(1, 40))]
        await store.mutate(batch)
        for change in batch:
            one_by_one(cells, change, SystemClock().now_ms())
        assert await stored(store) == {name: value for name, (value, _) in cells.items()}


@pytest.mark.parametrize(
    ("keys", "columns"),
    [
        pytest.param([b"%05d" % n for n in range(1_500)], [b"one"], id="of one length"),
        pytest.param([b"%d" % n for n in range(300)], ODD, id="of many lengths"),
        pytest.param([b"wide"], [b"%04d" % n for n in range(700)], id="of one row"),
        pytest.param([b"k", b"l"], [b""], id="without a name"),
    ],
)
async def test_many_cells_are_set_to_one_value(
    store: RowStore, keys: Sequence[bytes], columns: Sequence[bytes]
) -> None:
    cells = [(key, column) for key in keys for column in columns]
    names = {CellName("first", *cell) for cell in cells}
    random.Random(1).shuffle(cells)  # noqa: S311 - an order, not a secret
    await store.set_cells("first", [], b"", 1_000)
    await store.set_cells("first", [*cells, *cells[:9]], b"", 2_000)
    assert await store.read_cells(names) == dict.fromkeys(names, DatedCell(b"", 2_000))
    await store.set_cells("first", cells, b"older", 1_000)
    assert await store.read_cells(names) == dict.fromkeys(names, DatedCell(b"", 2_000))
    await store.set_cells("first", cells[:1], b"same", 2_000)
    await store.set_cells("first", cells[1:], b"newer", 3_000)
    found = await store.read_cells(names)
    assert found.pop(CellName("first", *cells[0])) == DatedCell(b"same", 2_000)
    assert set(found.values()) == {DatedCell(b"newer", 3_000)}
    assert await stored(store) == {
        ("first", *cell): b"same" if cell == cells[0] else b"newer" for cell in cells
    }


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1_200, 2), (3, 700), (40, 40), (1, 1), (2, 1), (513, 1), (1, 1_025)],
)
async def test_cells_by_name_are_those_asked_for(store: RowStore, rows: int, columns: int) -> None:
    rng = random.Random(rows)  # noqa: S311 - a reproducible choice, not a secret
    keys = [b"%x" % n for n in range(rows)]
    qualifiers = [b"c%x" % n for n in range(columns)]
    written = {
        CellName(table, key, column): DatedCell(b"%b %b" % (key, column), 5_000)
        for table in TABLES
        for key in keys
        for column in qualifiers
        if rng.random() < 0.7
    }
    by_row: dict[tuple[str, bytes], dict[bytes, bytes]] = {}
    for name, cell in written.items():
        by_row.setdefault(name[:2], {})[name.column] = cell.value
    await store.mutate(
        [RowMutation(*row, sets, timestamp_ms=5_000) for row, sets in by_row.items()]
    )
    asked = [
        CellName(table, key, column)
        for table in TABLES
        for key in [*keys, b"missing"]
        for column in [*qualifiers, b"none"]
        if rng.random() < 0.8
    ]
    expected = {name: written[name] for name in asked if name in written}
    assert await store.read_cells([*asked, *asked[:5]]) == expected
    wanted = [*keys, b"missing", *keys[:3]]
    assert {
        key: dict(row.cells) for key, row in (await store.read_rows("first", wanted)).items()
    } == {key: sets for (table, key), sets in by_row.items() if table == "first"}
    for row in (await store.read_rows("first", wanted)).values():
        assert list(row.cells) == sorted(row.cells)


async def test_cells_by_name_of_a_row_too_wide_to_be_read_whole(store: RowStore) -> None:
    columns = [b"c%05d" % number for number in range(0, 5_000, 2)]
    await store.mutate(
        [
            RowMutation("first", key, dict.fromkeys(columns, key), timestamp_ms=3_000)
            for key in (b"a", b"b")
        ]
    )
    # Some at the beginning, some at the end, and some that are between those that are there.
    asked = [
        CellName("first", key, b"c%05d" % number)
        for key in (b"a", b"b", b"none")
        for number in (*range(30), 2_499, 2_500, *range(4_960, 5_010))
    ]
    expected = {
        name: DatedCell(name.key, 3_000)
        for name in asked
        if name.key != b"none" and name.column in columns
    }
    assert await store.read_cells(asked) == expected


async def test_a_tally_counts_what_is_there_however_it_came_to_be(store: RowStore) -> None:
    counter = CellName("second", b"k", b"count")
    cells = [CellName("first", b"%d" % n, b"state") for n in range(40)]
    tally = Tally(counter, cells, b"1")

    def setting(value: bytes, numbers: range, timestamp_ms: int) -> list[RowMutation]:
        return [
            RowMutation("first", b"%d" % n, {b"state": value}, timestamp_ms=timestamp_ms)
            for n in numbers
        ]

    async def counted(*changes: RowMutation) -> int | None:
        await store.mutate_counted(changes, [tally])
        found = (await store.read_cells([counter])).get(counter)
        return None if found is None else int.from_bytes(found.value, "big", signed=True)

    if not store.atomic_batches:
        with pytest.raises(NotImplementedError):
            await counted(*setting(b"1", range(3), 5))
        return
    assert await counted(*setting(b"0", range(3), 1)) is None
    assert await counted(*setting(b"1", range(10), 5)) == 10
    # A repeat, and what comes too late to change anything.
    assert await counted(*setting(b"1", range(10), 5)) == 10
    assert await counted(*setting(b"0", range(10), 4)) == 10
    # Written meanwhile by somebody who counts by himself.
    await store.mutate(setting(b"1", range(10, 12), 5))
    assert await counted(*setting(b"1", range(8, 14), 6)) == 12
    assert await counted(*setting(b"0", range(4), 7), *setting(b"1", range(20, 22), 7)) == 10
    assert await store.increment(*counter, -20) == -10
    assert await counted(RowMutation("first", b"20", delete_row=True)) == -11


async def test_a_counter_that_is_none_fails_no_change(store: RowStore) -> None:
    if not store.atomic_batches:
        return
    counter, cell = CellName("second", b"k", b"n"), CellName("first", b"k", b"c")
    await store.mutate([RowMutation("second", b"k", {b"n": b"no number"})])
    change = RowMutation("first", b"k", {b"c": b"1"})
    await store.mutate_counted([change], [Tally(counter, [cell], b"1")])
    found = await store.read_cells([counter, cell])
    assert [found[name].value for name in (counter, cell)] == [b"no number", b"1"]
