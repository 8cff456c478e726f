"""The contract of `RowStore`, on every engine."""

import asyncio

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import CellName, DatedCell, RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ODD_KEYS = [b"\x00", b"\x00\x00", b"\x00\xff", b"a", b"a\x00", b"a\xff", b"b", b"\xff", b"\xff\x00"]


class TestRowStore:
    async def test_a_row_changes_as_one(self, store: RowStore) -> None:
        await store.mutate([RowMutation("first", b"k", {b"a": b"0", b"b": b"0"})])

        async def write(value: bytes) -> None:
            await store.mutate([RowMutation("first", b"k", {b"a": value, b"b": value})])

        async def read() -> bool:
            cells = (await store.read_rows("first", [b"k"]))[b"k"].cells
            return cells[b"a"] == cells[b"b"]

        seen = await asyncio.gather(
            *(work for i in range(50) for work in (write(str(i).encode()), read()))
        )
        assert all(same is not False for same in seen)

    async def test_the_newest_write_wins(self, store: RowStore) -> None:
        for value, ts in ((b"new", 2_000), (b"old", 1_000)):
            await store.mutate([RowMutation("first", b"k", {b"c": value}, timestamp_ms=ts)])
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"c": b"new"}
        await store.mutate([RowMutation("first", b"k", {b"c": b"equal"}, timestamp_ms=2_000)])
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"c": b"equal"}

    async def test_a_set_without_a_date_shows_despite_a_fast_clock(self, store: RowStore) -> None:
        ahead_ms = SystemClock().now_ms() + 3_600_000
        old = RowMutation("first", b"k", {b"c": b"1", b"other": b"1"}, timestamp_ms=ahead_ms)
        await store.mutate([old])
        await store.mutate([RowMutation("first", b"k", {b"c": b"2"})])
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"c": b"2", b"other": b"1"}

    async def test_cells_are_read_with_their_dates(self, store: RowStore) -> None:
        columns = [f"{i:03}".encode() for i in range(200)]
        for table, ts in (("first", 1_000), ("second", 2_000)):
            await store.mutate(
                [
                    RowMutation(table, key, dict.fromkeys(columns, key), timestamp_ms=ts)
                    for key in (b"a", b"b", b"c")
                ]
            )
        await store.mutate([RowMutation("first", b"a", {b"007": b"new"}, timestamp_ms=5_000)])
        await store.mutate([RowMutation("first", b"a", {b"007": b"old"}, timestamp_ms=3_000)])
        assert await store.read_cells([]) == {}
        few = [
            CellName("first", b"a", b"007"),
            CellName("first", b"b", b"008"),
            CellName("second", b"c", b"009"),
            CellName("second", b"c", b"none"),
            CellName("second", b"d", b"009"),
        ]
        assert await store.read_cells(few) == {
            few[0]: DatedCell(b"new", 5_000),
            few[1]: DatedCell(b"b", 1_000),
            few[2]: DatedCell(b"c", 2_000),
        }
        many = [CellName("second", b"a", column) for column in columns[:150]]
        many += [CellName("second", b"b", b"001"), CellName("second", b"c", b"001")]
        assert await store.read_cells(many) == {name: DatedCell(name.key, 2_000) for name in many}

    async def test_keys_and_columns_sort_as_bytes(self, store: RowStore) -> None:
        cells = dict.fromkeys(reversed([b"", *ODD_KEYS]), b"v")
        await store.mutate([RowMutation("first", key, cells) for key in reversed(ODD_KEYS)])
        rows = await store.scan("first", b"\x00", b"\xff\xff", limit=100)
        assert [row.key for row in rows] == ODD_KEYS
        assert all(list(row.cells) == [b"", *ODD_KEYS] for row in rows)
        some = await store.scan("first", b"a", b"b", limit=100, columns_from=b"a\xff")
        assert [row.key for row in some] == [b"a", b"a\x00", b"a\xff"]
        assert list(some[0].cells) == [b"a\xff", b"b", b"\xff", b"\xff\x00"]

    async def test_scan_counts_only_rows_with_cells(self, store: RowStore) -> None:
        await store.mutate(
            [
                RowMutation("first", f"{i:02}".encode(), {b"z" if i % 3 == 0 else b"a": b"v"})
                for i in range(20)
            ]
        )
        rows = await store.scan("first", b"0", b"9", limit=3, columns_from=b"m")
        assert [row.key for row in rows] == [b"00", b"03", b"06"]
        assert [row.key for row in await store.scan("first", b"05", b"07", limit=9)] == [
            b"05",
            b"06",
        ]
        assert await store.scan("first", b"0", b"9", limit=0) == []
        assert await store.scan("first", b"0", b"", limit=9) == []
        assert await store.scan("first", b"9", b"0", limit=9) == []

    async def test_a_scan_reads_a_slice_of_each_row(self, store: RowStore) -> None:
        columns = [f"{i:03}".encode() for i in range(20)]
        for key in (b"1", b"2", b"3", b"4"):
            # The second has other columns than the others, below all that is asked for.
            own = columns if key != b"2" else [b"000", b"001"]
            for ts in (1_000, 2_000):
                await store.mutate(
                    [RowMutation("first", key, dict.fromkeys(own, key), timestamp_ms=ts)]
                )
        rows = await store.scan("first", b"1", b"9", limit=2, columns_from=b"005", cells_per_row=3)
        assert [(row.key, list(row.cells)) for row in rows] == [
            (b"1", columns[5:8]),
            (b"3", columns[5:8]),
        ]
        rest = await store.scan("first", b"1", b"2", limit=9, columns_from=b"018", cells_per_row=3)
        assert [list(row.cells) for row in rest] == [columns[18:]]
        heads = await store.scan("first", b"0", b"4", limit=9, cells_per_row=1)
        assert [(row.key, dict(row.cells)) for row in heads] == [
            (key, {b"000": key}) for key in (b"1", b"2", b"3")
        ]
        assert await store.scan("first", b"9", b"0", limit=9, cells_per_row=1) == []
        assert await store.scan("first", b"0", b"9", limit=0, cells_per_row=1) == []

    async def test_missing_rows_are_missing(self, store: RowStore) -> None:
        await store.mutate([RowMutation("first", b"here", {b"c": b""})])
        rows = await store.read_rows("first", [b"here", b"gone", b"here"])
        assert {key: row.cells for key, row in rows.items()} == {b"here": {b"c": b""}}
        assert await store.read_rows("first", []) == {}

    async def test_deletes_come_before_sets(self, store: RowStore) -> None:
        await store.mutate([RowMutation("first", b"k", {b"a": b"1", b"b": b"1"})])
        await store.mutate([RowMutation("first", b"k", {b"b": b"2"}, deletes=[b"a", b"b"])])
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"b": b"2"}
        await store.mutate([RowMutation("first", b"k", {b"n": b"3"}, delete_row=True)])
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"n": b"3"}
        await store.mutate([RowMutation("first", b"k", delete_row=True)])
        assert await store.read_rows("first", [b"k"]) == {}

    async def test_changes_of_one_row_in_a_batch_keep_their_order(self, store: RowStore) -> None:
        await store.mutate(
            [
                RowMutation("first", b"k", {b"a": b"1", b"b": b"1"}),
                RowMutation("first", b"k", deletes=[b"a"]),
                RowMutation("first", b"k", {b"b": b"2"}),
                RowMutation("first", b"nothing"),
            ]
        )
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"b": b"2"}
        await store.mutate([])

    async def test_a_check_has_one_winner(self, store: RowStore) -> None:
        async def claim(value: bytes, expected: bytes | None) -> bytes | None:
            change = RowMutation("first", b"lock", {b"owner": value})
            return await store.check_and_mutate("first", b"lock", b"owner", expected, change)

        expected: bytes | None = None
        for turn in range(3):
            names = [f"{turn}-{i}".encode() for i in range(20)]
            found = await asyncio.gather(*(claim(name, expected) for name in names))
            winners = [n for n, f in zip(names, found, strict=True) if f == expected]
            assert len(winners) == 1
            stored = (await store.read_rows("first", [b"lock"]))[b"lock"].cells[b"owner"]
            assert winners == [stored]
            assert set(found) == {expected, stored}
            expected = stored

    @pytest.mark.parametrize("value", [b"", b"\x00", b"a.*\xff", b"\n"])
    async def test_a_check_compares_bytes(self, store: RowStore, value: bytes) -> None:
        await store.mutate([RowMutation("first", b"k", {b"c": value}, timestamp_ms=1)])

        async def check(expected: bytes | None) -> bytes | None:
            change = RowMutation("first", b"k", {b"won": b"1"})
            return await store.check_and_mutate("first", b"k", b"c", expected, change)

        assert await check(None) == value
        assert await check(value + b"x") == value
        assert b"won" not in (await store.read_rows("first", [b"k"]))[b"k"].cells
        assert await check(value) == value
        assert b"won" in (await store.read_rows("first", [b"k"]))[b"k"].cells

    async def test_a_won_check_shows_despite_a_fast_clock(self, store: RowStore) -> None:
        ahead_ms = SystemClock().now_ms() + 3_600_000
        await store.mutate([RowMutation("first", b"k", {b"c": b"1"}, timestamp_ms=ahead_ms)])
        change = RowMutation("first", b"k", {b"c": b"2"})
        assert await store.check_and_mutate("first", b"k", b"c", b"1", change) == b"1"
        assert (await store.read_rows("first", [b"k"]))[b"k"].cells == {b"c": b"2"}

    async def test_what_a_check_could_win_and_lose_by_its_date_is_refused(
        self, store: RowStore
    ) -> None:
        dated = RowMutation("first", b"k", {b"c": b"1"}, timestamp_ms=1)
        elsewhere = RowMutation("first", b"other", {b"c": b"1"})
        for change in (dated, elsewhere):
            with pytest.raises(ValueError, match=r"date|row it checks"):
                await store.check_and_mutate("first", b"k", b"c", None, change)
        assert await store.read_rows("first", [b"k", b"other"]) == {}

    async def test_a_check_may_delete(self, store: RowStore) -> None:
        await store.mutate([RowMutation("first", b"k", {b"c": b"1"})])
        drop = RowMutation("first", b"k", delete_row=True)
        assert await store.check_and_mutate("first", b"k", b"c", b"2", drop) == b"1"
        assert await store.check_and_mutate("first", b"k", b"c", b"1", drop) == b"1"
        assert await store.check_and_mutate("first", b"k", b"c", b"1", drop) is None

    async def test_increments_add_up(self, store: RowStore) -> None:
        totals = await asyncio.gather(*(store.increment("first", b"k", b"n", 2) for _ in range(50)))
        assert sorted(totals) == list(range(2, 102, 2))
        assert await store.increment("first", b"k", b"n", -101) == -1
        cells = (await store.read_rows("first", [b"k"]))[b"k"].cells
        assert int.from_bytes(cells[b"n"], "big", signed=True) == -1
        await store.mutate([RowMutation("first", b"set", {b"n": (40).to_bytes(8, "big")})])
        assert await store.increment("first", b"set", b"n", 2) == 42

    async def test_thousands_of_mutations(self, store: RowStore) -> None:
        keys = [f"{i:05}".encode() for i in range(6_000)]
        await store.mutate(
            [RowMutation(name, k, {b"a": k, b"b": k}) for k in keys for name in ("first", "second")]
        )
        assert len(await store.read_rows("second", keys)) == 6_000
        rows = await store.scan("first", b"0", b"9", limit=10_000)
        assert [row.key for row in rows] == keys

    async def test_the_loop_goes_on_while_rows_are_written(self, store: RowStore) -> None:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await asyncio.sleep(0)
        before = turns
        await store.mutate(
            [RowMutation("first", f"{i}".encode(), {b"c": bytes(500)}) for i in range(1_000)]
        )
        # A commit or a bulk in the loop itself would leave it one or two.
        assert turns - before > 10
        counting.cancel()

    async def test_closing_twice_is_fine(self, store: RowStore) -> None:
        await store.close()
        await store.close()
        with pytest.raises(UnavailableError):
            await store.read_rows("first", [b"k"])
        with pytest.raises(UnavailableError):
            await store.mutate([RowMutation("first", b"k", {b"c": b"v"})])
