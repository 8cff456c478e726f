"""An open SQLite store drops by itself what is past its retention."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import RowMutation, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore

TABLES = (TableSpec("kept"), TableSpec("aging", max_age_s=60))
START_MS = 1_000_000
DEADLINE_S = 20.0
OFTEN_S = 0.05
CELLS = 2_500
"""More than two transactions' worth."""


class MovedClock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def stores(tmp_path: Path, clock: MovedClock) -> AsyncIterator[list[SqliteRowStore]]:
    opened = [
        SqliteRowStore(tmp_path / "rows.db", TABLES, clock, collect_every_s=OFTEN_S)
        for _ in range(3)
    ]
    for each in opened:
        await each.open()
    yield opened
    for each in opened:
        await each.close()


def collectors() -> int:
    return sum(task.get_name() == "sqlite-garbage" for task in asyncio.all_tasks())


async def count(store: SqliteRowStore, table: str) -> int:
    return len(await store.scan(table, b"", b"z", limit=CELLS + 1))


async def until_empty(store: SqliteRowStore) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await count(store, "aging"):  # noqa: ASYNC110 - a row store notifies nobody
            await asyncio.sleep(OFTEN_S)


def old(table: str) -> list[RowMutation]:
    return [RowMutation(table, b"%d" % n, {b"c": b"v"}) for n in range(CELLS)]


async def test_several_processes_collect_from_one_file(
    stores: list[SqliteRowStore], clock: MovedClock
) -> None:
    for table in ("kept", "aging"):
        await stores[0].mutate(old(table))
    clock.ms += 60_001
    await stores[1].mutate([RowMutation("kept", b"fresh", {b"c": b"v"})])
    await until_empty(stores[2])
    assert await count(stores[0], "kept") == CELLS + 1


async def test_a_locked_file_is_collected_later(
    stores: list[SqliteRowStore], clock: MovedClock, tmp_path: Path
) -> None:
    await stores[0].mutate(old("aging"))
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        clock.ms += 60_001
        # Longer than a store waits for another's write: every collection fails meanwhile.
        await asyncio.gather(*(each.collect_garbage() for each in stores), return_exceptions=True)
        assert await count(stores[0], "aging") == CELLS
        other.execute("ROLLBACK")
    await until_empty(stores[0])


async def test_a_clock_set_far_ahead_drops_nothing(
    stores: list[SqliteRowStore], clock: MovedClock
) -> None:
    await stores[0].mutate(old("aging"))
    clock.ms += 365 * 86_400_000
    for each in stores:
        with pytest.raises(UnavailableError, match="set ahead by 8,760"):
            await each.collect_garbage()
    assert await count(stores[0], "aging") == CELLS
    clock.ms = START_MS + 60_001
    await until_empty(stores[0])


async def test_closing_ends_the_collection(stores: list[SqliteRowStore]) -> None:
    assert collectors() == 3
    for each in stores:
        await each.close()
    assert collectors() == 0


async def test_nothing_runs_where_nothing_ages(tmp_path: Path, clock: MovedClock) -> None:
    store = SqliteRowStore(tmp_path / "kept.db", TABLES[:1], clock, collect_every_s=OFTEN_S)
    await store.open()
    assert collectors() == 0
    await store.close()
