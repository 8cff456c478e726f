"""Retention by the time in a key: no index of dates, and beside a release that makes one."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import KeyRange, RowMutation, TableSpec
from services.platform.rows.sqlite import expiry
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.timeline.ages import ACTIVE_DAYS, DAY_MS
from services.timeline.keys import home_row_key, parse_home_row_key
from services.timeline.spec import HOME
from services.timeline.store import RowHomeTimelines
from tests.unit.graph.world import MovableClock

VIEWERS = 60
DAYS = ACTIVE_DAYS + 5
OF_RELEASE_BEFORE = replace(HOME, expired=None)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


Open = Callable[[TableSpec], contextlib.AbstractAsyncContextManager[SqliteRowStore]]


@pytest.fixture
def opened(tmp_path: Path, clock: MovableClock) -> Open:
    @contextlib.asynccontextmanager
    async def open_store(spec: TableSpec) -> AsyncIterator[SqliteRowStore]:
        store = SqliteRowStore(tmp_path / "rows.db", [spec], clock)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    return open_store


def indexes(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as file:
        return {
            name
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%INDEX%'")
        }


async def fill(store: SqliteRowStore, clock: MovableClock) -> None:
    """A tweet a day for each viewer, all of them written today."""
    homes = RowHomeTimelines(store, clock)
    tweets = [first_id_at(clock.ms - day * DAY_MS) for day in range(DAYS)]
    await homes.push(dict.fromkeys(range(VIEWERS), tweets))


async def ages(store: SqliteRowStore, clock: MovableClock) -> dict[int, set[int]]:
    """How many days old the rows of each viewer are."""
    today = parse_home_row_key(home_row_key(0, first_id_at(clock.ms)))[1]
    found: dict[int, set[int]] = {}
    for row in await store.scan(HOME.name, b"", b"g", limit=VIEWERS * DAYS):
        viewer, day = parse_home_row_key(row.key)
        found.setdefault(viewer, set()).add(today - day)
    return found


async def test_whole_days_past_retention_go_in_chunks(
    opened: Open, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "CHUNK_CELLS", 7)
    monkeypatch.setattr(expiry, "LOOK_OWNERS", 11)
    monkeypatch.setattr(expiry, "PAUSE_S", 0.0)
    async with opened(HOME) as store:
        await fill(store, clock)
        assert await store.collect_garbage() == VIEWERS * (DAYS - ACTIVE_DAYS - 1)
        kept = set(range(ACTIVE_DAYS + 1))
        assert await ages(store, clock) == dict.fromkeys(range(VIEWERS), kept)
        assert await store.collect_garbage() == 0
    clock.ms += 2 * DAY_MS
    # A start takes the clock for right; so large a step while it runs it would not.
    async with opened(HOME) as store:
        assert await store.collect_garbage() == VIEWERS * 2
        assert await store.collect_garbage() == 0


async def test_a_key_that_is_none_stops_no_collection(opened: Open, clock: MovableClock) -> None:
    odd = [b"0", b"0" * 16 + b"#", b"zz"]
    async with opened(HOME) as store:
        await store.mutate([RowMutation(HOME.name, key, {b"c": b""}) for key in odd])
        await fill(store, clock)
        assert await store.collect_garbage() == VIEWERS * (DAYS - ACTIVE_DAYS - 1)
        rows = await store.scan(HOME.name, b"", b"\xff", limit=VIEWERS * DAYS)
        assert set(odd) <= {row.key for row in rows}


async def test_the_index_of_dates_goes_and_may_come_back(
    opened: Open, clock: MovableClock, tmp_path: Path
) -> None:
    path = tmp_path / "rows.db"
    async with opened(OF_RELEASE_BEFORE) as older:
        await fill(older, clock)
        assert indexes(path) == {"home_ts"}
        async with opened(HOME) as newer:
            assert indexes(path) == set()
            await fill(newer, clock)
            await fill(older, clock)
            assert len(await ages(older, clock)) == VIEWERS
            assert await older.collect_garbage() == 0
            async with opened(OF_RELEASE_BEFORE) as another:
                # It is there for all of them, and right whoever writes.
                assert indexes(path) == {"home_ts"}
                await fill(newer, clock)
                assert await newer.collect_garbage() == VIEWERS * (DAYS - ACTIVE_DAYS - 1)
            clock.ms += (ACTIVE_DAYS + 1) * DAY_MS
            await RowHomeTimelines(newer, clock).add(0, [first_id_at(clock.ms)])
            async with opened(OF_RELEASE_BEFORE) as another:
                assert await another.collect_garbage() == VIEWERS * (ACTIVE_DAYS + 1)
                assert await ages(newer, clock) == {0: {0}}
        assert indexes(path) == {"home_ts"}
    async with opened(HOME):
        assert indexes(path) == set()
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_is_past_retention_ends_with_its_owner() -> None:
    key, day = home_row_key(7, first_id_at(1_800_000_000_000)), DAY_MS
    assert HOME.expired is not None
    at = 1_800_000_000_000 - 1_800_000_000_000 % day
    assert HOME.expired(key, at) == HOME.expired(key, at + day - 1)
    assert HOME.expired(key, at).start == home_row_key(7, first_id_at(at - 1))
    assert HOME.expired(key, 0) == KeyRange(b"%016x$" % 7, b"%016x$" % 7)
    with pytest.raises(ValueError, match="not a row key"):
        HOME.expired(b"7", at)
