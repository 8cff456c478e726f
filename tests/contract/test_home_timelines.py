"""Persistent home timelines on every row engine, with a clock that is wrong at times."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import Row, RowMutation, RowStore, Scan
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.timeline.ages import DAY_MS
from services.timeline.keys import home_qualifier, home_row_key, parse_home_qualifier
from services.timeline.model import WINDOW_IDS, ViewerState
from services.timeline.spec import HOME, RETENTION_S, TABLES, VIEWERS
from services.timeline.store import DAYS_PER_SCAN, FLOOR, RowHomeTimelines
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import MovableClock

__all__ = ["bigtable_emulator", "store"]

VIEWER = 7
HOUR_MS = 3_600_000
PAGE = 58
ADDED_AT_ONCE = 1_000


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch, clock: MovableClock) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)
    monkeypatch.setattr(row_engines, "CLOCK", clock)


async def test_a_build_is_finished_after_the_clock_was_set_right(
    store: RowStore, clock: MovableClock
) -> None:
    homes = RowHomeTimelines(store, clock)
    clock.ms += HOUR_MS
    await homes.begin_build(VIEWER, clock.ms)
    clock.ms -= HOUR_MS
    await homes.finish_build(VIEWER, 5)
    assert await homes.state(VIEWER) == ViewerState(clock.ms + HOUR_MS, built=True, floor=5)
    await homes.touch(VIEWER, clock.ms)
    assert await homes.active([VIEWER], clock.ms + 1) == []
    await homes.begin_build(VIEWER, clock.ms)
    assert await homes.state(VIEWER) == ViewerState(clock.ms, built=False, floor=5)


class CountedCells:
    """A row store that counts the cells it gives."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self.cells = self.rows_asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def scan(self, *where: Any, **what: Any) -> list[Row]:
        rows = await self._store.scan(*where, **what)
        self.cells += sum(len(row.cells) for row in rows)
        self.rows_asked += what["limit"]
        return rows

    async def scan_many(self, scans: Sequence[Scan], **what: Any) -> list[list[Row]]:
        found = await self._store.scan_many(scans, **what)
        self.cells += sum(len(row.cells) for rows in found for row in rows)
        self.rows_asked += sum(scan.limit for scan in scans)
        return found


async def test_a_page_costs_the_same_whatever_a_day_holds(
    store: RowStore, clock: MovableClock
) -> None:
    """A day with ten or a hundred times what a hot list holds, and other days beside it."""
    counted = CountedCells(store)
    homes = RowHomeTimelines(counted, clock)
    noon = clock.ms - clock.ms % DAY_MS + DAY_MS // 2
    newest = first_id_at(noon)
    # The emulator takes minutes for a row that SQLite writes in seconds.
    usual = 100 if isinstance(store, SqliteRowStore) else 10
    tweets = list(range(newest, newest - usual * WINDOW_IDS, -1))
    for day in range(1, 2 * DAYS_PER_SCAN):
        earlier = first_id_at(noon - day * DAY_MS)
        tweets += range(earlier, earlier - 2 * PAGE, -1)
    for start in range(0, len(tweets), ADDED_AT_ONCE):
        await homes.add(VIEWER, tweets[start : start + ADDED_AT_ONCE])

    for place in (0, 1, len(tweets) // 3, usual * WINDOW_IDS - PAGE // 2, len(tweets) - PAGE):
        counted.cells = counted.rows_asked = 0
        before = tweets[place - 1] if place else None
        assert await homes.read(VIEWER, before, 0, PAGE) == tweets[place : place + PAGE]
        assert counted.cells <= counted.rows_asked * PAGE
        assert counted.rows_asked <= 2 * DAYS_PER_SCAN
    floor = tweets[PAGE // 2]
    assert await homes.read(VIEWER, None, floor, PAGE) == tweets[: PAGE // 2 + 1]


async def test_ids_are_read_with_the_state_or_later(store: RowStore, clock: MovableClock) -> None:
    homes = RowHomeTimelines(store, clock)
    tweets = [first_id_at(clock.ms - day * DAY_MS) for day in range(2 * DAYS_PER_SCAN)]
    assert await homes.read_with_state(VIEWER, None, PAGE) == (None, [])

    async def build() -> None:
        await homes.begin_build(VIEWER, clock.ms)
        await homes.add(VIEWER, tweets)
        await homes.finish_build(VIEWER, 0)

    building = asyncio.create_task(build())
    while True:
        state, found = await homes.read_with_state(VIEWER, None, PAGE)
        if state is not None and state.built:
            break
    await building
    assert found == tweets, "a build that ends between the two is not taken for one that was read"
    assert await homes.read_with_state(VIEWER, tweets[0], 2) == (state, tweets[1:3])


@pytest.mark.parametrize("count", [1, 2, 3, 10])
async def test_a_slice_of_what_is_no_tweet_hides_none(
    store: RowStore, clock: MovableClock, count: int
) -> None:
    homes = RowHomeTimelines(store, clock)
    days = [first_id_at(clock.ms - day * DAY_MS) for day in range(3)]
    tweets = [day - n for day in days for n in range(2)]
    await homes.add(VIEWER, tweets)
    odd = {b"?": b"", b"\x80": b"", b"\xff" * 9: b"", b"\xff" * 8 + b"x": b""}
    await store.mutate([RowMutation(HOME.name, home_row_key(VIEWER, day), odd) for day in days])
    assert await homes.read(VIEWER, None, 0, count) == tweets[:count]
    assert await homes.read(VIEWER, tweets[0], 0, count) == tweets[1 : 1 + count]


async def test_of_floors_the_highest_alone_is_kept(store: RowStore, clock: MovableClock) -> None:
    homes = RowHomeTimelines(store, clock)
    await homes.begin_build(VIEWER, clock.ms)
    await store.mutate(
        # As many follows have left them behind, in the releases before.
        [
            RowMutation(
                VIEWERS.name,
                user_row_key(VIEWER),
                {FLOOR + home_qualifier(floor): b"" for floor in range(1, 500)},
            )
        ]
    )
    await homes.finish_build(VIEWER, 7)
    assert (await homes.state(VIEWER)).floor == 499
    for floor in (600, 550, 700, 700, 5):
        await homes.raise_floors({VIEWER: floor})
    assert await floors(store) == {700}
    assert await homes.state(VIEWER) == ViewerState(clock.ms, built=True, floor=700)
    await asyncio.gather(*(homes.raise_floors({VIEWER: floor}) for floor in range(800, 850)))
    assert max(await floors(store)) == 849
    await homes.raise_floors({VIEWER: 1})
    assert await floors(store) == {849}


async def floors(store: RowStore) -> set[int]:
    key = user_row_key(VIEWER)
    columns = (await store.read_rows(VIEWERS.name, [key]))[key].cells
    return {
        parse_home_qualifier(column.removeprefix(FLOOR))
        for column in columns
        if column.startswith(FLOOR)
    }


async def test_retention_keeps_what_a_clock_that_was_behind_has_pushed(
    tmp_path: Path, clock: MovableClock
) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    homes = RowHomeTimelines(rows, clock)
    pushed, added = first_id_at(clock.ms) | 1, first_id_at(clock.ms) | 2
    clock.ms -= 2 * RETENTION_S * 1_000
    await homes.push({VIEWER: [pushed]})
    await homes.add(VIEWER, [added])
    clock.ms += 2 * RETENTION_S * 1_000
    assert await rows.collect_garbage() == 0
    assert await homes.read(VIEWER, None, 0, 10) == [added, pushed]
    # Days go as wholes.
    clock.ms += RETENTION_S * 1_000 + DAY_MS
    # A start takes the clock for right; a step so large while it runs it would not.
    await rows.close()
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    assert await rows.collect_garbage() == 2
    await rows.close()
