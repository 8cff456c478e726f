"""The list of celebrities, as readers see it who share rows with the workers that make them."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import Row
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.deadlines import deadline_in, remaining_s
from services.timeline.celebrities import STALE_S, RowCelebrities
from services.timeline.spec import TABLES

DEADLINE_S = 10.0


class Watch:
    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[SqliteRowStore]:
    store = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await store.open()
    yield store
    await store.close()


async def test_readers_after_a_quiet_time_wait_for_the_list(rows: SqliteRowStore) -> None:
    watch = Watch()
    worker, reader = RowCelebrities(rows, watch), RowCelebrities(rows, watch)
    assert await reader.among(frozenset({1, 2})) == []
    await worker.add(2)
    watch.ahead_s = STALE_S
    both = await asyncio.gather(*(reader.among(frozenset({1, 2})) for _ in range(2)))
    assert both == [[2], [2]]


async def test_readers_see_new_celebrities_though_the_clock_went_back(
    rows: SqliteRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = RowCelebrities(rows)
    assert await reader.among(frozenset({2})) == []
    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns - 3_600_000_000_000)
    await reader.add(2)
    async with asyncio.timeout(DEADLINE_S):
        while await reader.among(frozenset({2})) != [2]:  # noqa: ASYNC110 - rows notify nobody
            await asyncio.sleep(0.05)


async def test_a_refresh_has_no_readers_deadline(
    rows: SqliteRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves all readers, and must not fail with the one that happened to begin it."""
    left_s: list[float | None] = []
    scan = rows.scan

    async def seen(*where: Any, **what: Any) -> list[Row]:
        left_s.append(remaining_s())
        return await scan(*where, **what)

    monkeypatch.setattr(rows, "scan", seen)
    watch = Watch()
    reader = RowCelebrities(rows, watch)
    for watch.ahead_s in (0.0, STALE_S):
        with deadline_in(DEADLINE_S):
            await reader.among(frozenset())
    assert left_s == [None, None]


async def test_a_list_that_was_never_read_fails_each_of_its_readers(
    rows: SqliteRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_args: object, **_options: object) -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr(rows, "scan", gone)
    reader = RowCelebrities(rows)
    failed = await asyncio.gather(
        *(reader.among(frozenset({2})) for _ in range(2)), return_exceptions=True
    )
    assert [type(error) for error in failed] == [UnavailableError] * 2


async def test_an_old_list_serves_while_the_store_is_gone(
    rows: SqliteRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    reader = RowCelebrities(rows, watch)
    await reader.add(2)

    async def gone(*_args: object, **_options: object) -> None:
        raise UnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(rows, "scan", gone)
        with pytest.raises(UnavailableError):
            await reader.among(frozenset({2}))
    assert await reader.among(frozenset({2})) == [2]
    watch.ahead_s = 10 * STALE_S
    monkeypatch.setattr(rows, "scan", gone)
    assert await reader.among(frozenset({2})) == [2]
