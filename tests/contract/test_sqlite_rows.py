"""What the row store on SQLite does beyond the contract: its file, its batches, its garbage."""

import asyncio
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import RowMutation, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from tests.contract.row_engines import TABLES, bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]


class ManualClock:
    def __init__(self, now_ms: int) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


class TestSqlite:
    async def test_rows_survive_a_reopen(self, tmp_path: Path) -> None:
        for turn in range(3):
            opened = SqliteRowStore(tmp_path / "deep" / "rows.db", TABLES, SystemClock())
            await opened.open()
            assert await opened.increment("first", b"k", b"n", 1) == turn + 1
            await opened.close()
            with pytest.raises(UnavailableError):
                await opened.read_rows("first", [b"k"])
            with pytest.raises(UnavailableError):
                await opened.mutate([RowMutation("first", b"k", {b"c": b"v"})])

    async def test_close_finishes_what_was_accepted(self, tmp_path: Path) -> None:
        opened = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
        await opened.open()
        writes = [asyncio.create_task(opened.increment("first", b"k", b"n", 1)) for _ in range(99)]
        await asyncio.sleep(0)
        await opened.close()
        assert sorted(await asyncio.gather(*writes)) == list(range(1, 100))

    async def test_a_batch_is_all_or_nothing_and_fails_alone(self, tmp_path: Path) -> None:
        opened = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
        await opened.open()
        await opened.mutate([RowMutation("first", b"short", {b"n": b"no"})])
        bad = [
            RowMutation("first", b"bad", {b"c": b"v"}),
            RowMutation("second", b"bad", {b"c": b"v"}, timestamp_ms=2**70),
        ]
        good = [opened.increment("first", b"k", b"n", 1) for _ in range(20)]
        results = await asyncio.gather(
            *good[:10], opened.mutate(bad), *good[10:], return_exceptions=True
        )
        assert isinstance(results[10], OverflowError)
        assert sorted(r for r in results if isinstance(r, int)) == list(range(1, 21))
        assert await opened.read_rows("first", [b"bad"]) == {}
        await opened.close()

    async def test_two_stores_share_a_file(self, tmp_path: Path) -> None:
        stores = [SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock()) for _ in range(2)]
        await asyncio.gather(*(each.open() for each in stores))
        totals = await asyncio.gather(
            *(stores[i % 2].increment("first", b"k", b"n", 1) for i in range(40))
        )
        assert sorted(totals) == list(range(1, 41))
        for each in stores:
            await each.close()

    async def test_garbage_is_collected_by_age(self, tmp_path: Path) -> None:
        clock = ManualClock(1_000_000)
        opened = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
        await opened.open()
        for table in ("first", "aging"):
            await opened.mutate(
                [RowMutation(table, str(i).encode(), {b"c": b"v"}) for i in range(2_500)]
            )
        clock.at_ms += 60_000
        assert await opened.collect_garbage() == 0
        clock.at_ms += 1
        await opened.mutate([RowMutation("aging", b"fresh", {b"c": b"v"})])
        assert await opened.collect_garbage() == 2_500
        assert [r.key for r in await opened.scan("aging", b"", b"z", limit=9)] == [b"fresh"]
        assert len(await opened.scan("first", b"", b"z", limit=9_999)) == 2_500
        await opened.close()

    async def test_a_path_that_cannot_be_opened_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "rows.db").write_bytes(b"not a database at all" * 100)
        with pytest.raises(UnavailableError):
            await SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock()).open()

    def test_table_names_are_vetted(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="table name"):
            SqliteRowStore(tmp_path / "rows.db", [TableSpec('x"; --')], SystemClock())
