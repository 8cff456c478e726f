"""Rows on a disk without room."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import RowMutation, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from tests.small_disk import SmallDisk, small_disk

TABLE = "things"
WAIT_S = 10.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 4) as disk:
        yield disk


@pytest.fixture
async def store(disk: SmallDisk) -> AsyncIterator[SqliteRowStore]:
    store = SqliteRowStore(disk.path / "rows.db", [TableSpec(TABLE)], SystemClock())
    await store.open()
    yield store
    disk.free()
    await store.close()


async def put(store: SqliteRowStore, number: int, size: int = 5_000) -> None:
    await store.mutate([RowMutation(TABLE, b"%d" % number, {b"x": bytes(size)})])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.05)


async def test_what_has_no_room_is_refused_and_only_that(
    disk: SmallDisk, store: SqliteRowStore
) -> None:
    """The store says why, and is not ready; what it has can be read; it comes back by itself."""
    await put(store, 1)
    assert store.holds()
    disk.fill()
    for _ in range(3):
        with pytest.raises(UnavailableError, match="no room to write"):
            await asyncio.gather(*(put(store, number) for number in range(2, 6)))
    assert not store.holds()
    assert (await store.read_rows(TABLE, [b"1"]))[b"1"].cells == {b"x": bytes(5_000)}
    disk.free()
    # Nobody writes meanwhile.
    await until(store.holds)
    await put(store, 7)
    assert set(await store.read_rows(TABLE, [b"1", b"2", b"7"])) == {b"1", b"7"}
