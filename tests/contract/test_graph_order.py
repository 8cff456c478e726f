"""Changes of edges take effect whatever the clocks say, on every row engine."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection

import pytest
import pytest_asyncio

from services.graph.edge_rows import mutations
from services.graph.model import Change, Edge, StoredEdge
from services.graph.spec import OUTBOX, TABLES
from services.platform.errors import PermissionDeniedError
from services.platform.rows.port import CellName, DatedCell, RowStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import ClockIds, MovableClock, World, block, follow

__all__ = ["bigtable_emulator", "store"]

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _graph_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the graph service."""
    clock = MovableClock()
    return World(store, clock, ClockIds(clock, worker=1))


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, one.clock, ClockIds(one.clock, worker=2))


async def lists(world: World, follower: int, followee: int) -> tuple[bool, bool, int]:
    """Whether the follower's list, and the followee's, have the follow; the count."""
    return (
        followee in await world.following(follower),
        follower in await world.followers(followee),
        await world.count(followee),
    )


async def an_hour_ahead(world: World, *uses: Awaitable[None]) -> None:
    world.clock.ms += HOUR_MS
    for use in uses:
        await use
    world.clock.ms -= HOUR_MS


async def test_an_unfollow_and_a_follow_after_the_clock_was_set_right(one: World) -> None:
    await an_hour_ahead(one, one.follows.follow(1, 2))
    for _ in range(3):
        await one.follows.unfollow(1, 2)
        assert await lists(one, 1, 2) == (False, False, 0)
        await one.follows.follow(1, 2)
        assert await lists(one, 1, 2) == (True, True, 1)
    await an_hour_ahead(one, one.follows.unfollow(1, 2))
    await one.follows.follow_many(1, [2, 3])
    assert await lists(one, 1, 2) == (True, True, 1)


@pytest.mark.parametrize(("follower", "followee"), [(1, 2), (2, 1)])
async def test_no_follow_stands_beside_a_block(one: World, follower: int, followee: int) -> None:
    await an_hour_ahead(one, one.follows.follow(follower, followee))
    await one.blocks.block(1, 2)
    assert await lists(one, follower, followee) == (False, False, 0)
    assert await one.hidden(1) == [2]
    assert await one.hidden(2) == [1]
    await one.blocks.unblock(1, 2)
    assert await one.hidden(1) == await one.hidden(2) == []
    await one.follows.follow(follower, followee)
    assert await lists(one, follower, followee) == (True, True, 1)
    await one.blocks.block(1, 2)
    assert await lists(one, follower, followee) == (False, False, 0)


async def test_blocks_and_mutes_after_the_clock_was_set_right(one: World) -> None:
    await an_hour_ahead(one, one.blocks.block(1, 2), one.blocks.mute(1, 3))
    await one.blocks.unblock(1, 2)
    await one.blocks.unmute(1, 3)
    assert await one.hidden(1) == await one.hidden(2) == []
    await one.blocks.block(1, 2)
    await one.blocks.mute(1, 3)
    assert await one.hidden(1) == [2, 3]
    assert await one.hidden(2) == [1]


async def test_another_process_whose_clock_is_behind_goes_on_from_what_is_there(
    one: World, other: World
) -> None:
    for _ in range(3):
        await an_hour_ahead(one, one.follows.follow(1, 2))
        await other.follows.unfollow(1, 2)
        assert await lists(one, 1, 2) == (False, False, 0)
        await one.follows.follow(1, 2)
        await an_hour_ahead(one, other.follows.unfollow(1, 2))
        assert await lists(one, 1, 2) == (False, False, 0)


async def test_an_old_entry_of_the_outbox_changes_nothing_later(one: World) -> None:
    await an_hour_ahead(one, one.follows.follow(1, 2), one.blocks.mute(1, 3))
    await one.follows.unfollow(1, 2)
    await one.blocks.block(2, 1)
    await one.blocks.unmute(1, 3)
    one.clock.ms += HOUR_MS
    entries = await one.entries()
    assert len(entries) == 5
    for entry in [*entries, *reversed(entries)]:
        await one.outbox.roll_forward(entry)
    assert await lists(one, 1, 2) == (False, False, 0)
    assert await one.hidden(1) == [2]


class Held:
    """A commit that waits, as that of a process which is slow."""

    def __init__(self, commit: Callable[[Change, bytes], Awaitable[None]]) -> None:
        self._commit = commit
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    async def __call__(self, change: Change, event: bytes) -> None:
        self.begun.set()
        await self.let_go.wait()
        await self._commit(change, event)


@pytest.mark.parametrize("stored_ahead_ms", [0, 3 * HOUR_MS])
@pytest.mark.parametrize("follow_ahead_ms", [0, HOUR_MS // 2])
@pytest.mark.parametrize("last", ["follow", "block"])
async def test_a_follow_and_a_block_at_once_in_two_processes_leave_the_block(  # noqa: PLR0913, PLR0917
    one: World,
    other: World,
    monkeypatch: pytest.MonkeyPatch,
    stored_ahead_ms: int,
    follow_ahead_ms: int,
    last: str,
) -> None:
    one.clock.ms += stored_ahead_ms
    await one.follows.follow(2, 1)
    await one.follows.unfollow(2, 1)
    one.clock.ms -= stored_ahead_ms

    async def follow() -> None:
        one.clock.ms += follow_ahead_ms
        await one.follows.follow(2, 1)

    async def block() -> None:
        await other.blocks.block(1, 2)

    store = one.store if last == "follow" else other.store
    held = Held(store.commit)
    monkeypatch.setattr(store, "commit", held)
    first_use, last_use = (block, follow) if last == "follow" else (follow, block)
    ending = asyncio.create_task(last_use())
    await held.begun.wait()
    await first_use()
    held.let_go.set()
    await ending
    assert await one.hidden(1) == [2]
    assert await one.following(2) == await one.followers(1) == []
    assert await one.pages(1, 10) == []
    assert await one.count(1) == 0
    await other.blocks.unblock(1, 2)
    await one.follows.follow(2, 1)
    assert await lists(one, 2, 1) == (True, True, 1)


@pytest.mark.parametrize("written", range(6))
async def test_a_follow_and_a_block_that_was_cut_off_leave_the_block(
    one: World, other: World, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    changes: list[Change] = []

    async def cut_off(change: Change, _event: bytes) -> None:
        changes.append(change)
        await one.rows.mutate(mutations(change)[:written])

    with monkeypatch.context() as patched:
        patched.setattr(other.store, "commit", cut_off)
        await other.blocks.block(1, 2)
    with contextlib.suppress(PermissionDeniedError):
        await one.follows.follow(2, 1)
    # Its outbox entry is found by a sweeper.
    await one.rows.mutate(mutations(changes[0]))
    assert await one.hidden(1) == [2]
    assert (await lists(one, 2, 1))[:2] == (False, False)


async def test_a_follow_that_has_seen_the_bar_of_a_block_sees_the_block(
    one: World, other: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, looks = one.store.states, 0

    async def block_read_before_bar(
        edges: Collection[Edge], deciding: Collection[Edge] = ()
    ) -> dict[Edge, StoredEdge]:
        nonlocal looks
        looks += 1
        if looks > 1:
            return await states(edges, deciding)
        blocks = await states((), deciding)
        await other.blocks.block(1, 2)
        return {**await states(edges), **blocks}

    monkeypatch.setattr(one.store, "states", block_read_before_bar)
    with pytest.raises(PermissionDeniedError, match="blocks the other"):
        await one.follows.follow(2, 1)
    assert await one.store.standing([follow(2, 1), block(1, 2)]) == {block(1, 2)}


async def test_a_follow_reads_once(one: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    read_cells = one.rows.read_cells

    async def counted(names: Collection[CellName]) -> dict[CellName, DatedCell]:
        looks.append(len(names))
        return await read_cells(names)

    monkeypatch.setattr(one.rows, "read_cells", counted)
    await one.follows.follow(1, 2)
    await one.follows.unfollow(1, 2)
    assert looks == [6, 4]
