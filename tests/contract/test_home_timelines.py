"""Persistent home timelines on every row engine, with a clock that is wrong at times."""

from pathlib import Path

import pytest

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.timeline.model import ViewerState
from services.timeline.spec import RETENTION_S, TABLES
from services.timeline.store import RowHomeTimelines
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import MovableClock

__all__ = ["bigtable_emulator", "store"]

VIEWER = 7
HOUR_MS = 3_600_000


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


async def test_retention_keeps_what_a_clock_that_was_behind_has_pushed(
    tmp_path: Path, clock: MovableClock
) -> None:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    homes = RowHomeTimelines(rows, clock)
    pushed, added = first_id_at(clock.ms) | 1, first_id_at(clock.ms) | 2
    clock.ms -= 2 * RETENTION_S * 1_000
    await homes.push([VIEWER], pushed)
    await homes.add(VIEWER, [added])
    clock.ms += 2 * RETENTION_S * 1_000
    assert await rows.collect_garbage() == 0
    assert await homes.read(VIEWER, None, 0, 10) == [added, pushed]
    clock.ms += RETENTION_S * 1_000 + 1
    # A start takes the clock for right; a step so large while it runs it would not.
    await rows.close()
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    assert await rows.collect_garbage() == 2
    await rows.close()
