"""The list of celebrities, as readers see it who share rows with the workers that make them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.clock import SystemClock
from services.errors import UnavailableError
from services.storage.sqlite.rows import SqliteRowStore
from services.storage.timelines import STALE_MS, TABLES, RowCelebrities


class MovedClock:
    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[SqliteRowStore]:
    store = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await store.open()
    yield store
    await store.close()


async def test_readers_after_a_quiet_time_wait_for_the_list(rows: SqliteRowStore) -> None:
    clock = MovedClock()
    worker, reader = RowCelebrities(rows, clock), RowCelebrities(rows, clock)
    assert await reader.among(frozenset({1, 2})) == []
    await worker.add(2)
    clock.ahead_ms = STALE_MS
    both = await asyncio.gather(*(reader.among(frozenset({1, 2})) for _ in range(2)))
    assert both == [[2], [2]]


async def test_an_old_list_serves_while_the_store_is_gone(
    rows: SqliteRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MovedClock()
    reader = RowCelebrities(rows, clock)
    await reader.add(2)

    async def gone(*_args: object, **_options: object) -> None:
        raise UnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(rows, "scan", gone)
        with pytest.raises(UnavailableError):
            await reader.among(frozenset({2}))
    assert await reader.among(frozenset({2})) == [2]
    clock.ahead_ms = 10 * STALE_MS
    monkeypatch.setattr(rows, "scan", gone)
    assert await reader.among(frozenset({2})) == [2]
