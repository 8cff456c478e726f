"""How many a user follows: exact after repeats and races, also of lists that were there before."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from services.graph import counting
from services.graph.counting import count_changes
from services.graph.model import Change, Edge, FollowCounts, Relation
from services.graph.spec import FOLLOW_COUNTS, TABLES
from services.platform.errors import UnavailableError
from services.platform.ids.slices import IdSlice
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import ClockIds, MovableClock, World, follow

__all__ = ["bigtable_emulator", "store"]

WAIT_S = 30.0


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)
    # A busy machine takes long for what is no test of that.
    monkeypatch.setattr(counting, "WAIT_S", WAIT_S)


@pytest.fixture
def world(store: RowStore) -> World:
    return World(store, MovableClock())


async def following(world: World, user_id: int) -> int | None:
    return (await world.reads.counts([user_id]))[0].following


async def forget_counts(world: World, *user_ids: int) -> None:
    """As the release before left them, which counted followers alone."""
    await world.rows.mutate(
        [
            RowMutation(
                FOLLOW_COUNTS.name,
                user_row_key(user_id),
                deletes=(b"following", b"following_listed"),
            )
            for user_id in user_ids
        ]
    )


async def eventually(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await is_so():  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.01)


async def test_both_sides_of_a_follow_are_counted(world: World) -> None:
    assert await following(world, 1) == 0
    await world.follows.follow_many(1, [2, 3, 4])
    await world.follows.follow(1, 4)
    await world.follows.follow(2, 1)
    found = await world.reads.counts([1, 2, 4, 9])
    assert [(each.followers, each.following) for each in found] == [(1, 3), (1, 1), (1, 0), (0, 0)]
    await world.follows.unfollow(1, 3)
    await world.follows.unfollow(1, 3)
    # A block ends the follows of both.
    await world.blocks.block(2, 1)
    assert [await following(world, each) for each in (1, 2)] == [1, 0]


async def test_repeats_and_races_count_once(store: RowStore) -> None:
    clock = MovableClock()
    processes = [World(store, clock, ClockIds(clock, worker)) for worker in range(3)]
    rng = random.Random(3)  # noqa: S311 - a test
    await processes[0].reads.counts([1, 2, 3])

    async def one(user_id: int) -> None:
        for other in rng.sample([each for each in range(1, 20) if each != user_id], 10):
            process = rng.choice(processes)
            await process.follows.follow(user_id, other)
            await process.follows.follow(user_id, other)
            if rng.random() < 0.5:
                await process.follows.unfollow(user_id, other)

    await asyncio.gather(*map(one, (1, 2, 3)))
    for user_id in (1, 2, 3):
        exact = len(await processes[0].following(user_id))
        assert await following(processes[1], user_id) == exact


async def test_lists_of_before_are_counted_when_somebody_asks(world: World) -> None:
    await world.follows.follow_many(1, list(range(2, 12)))
    await world.follows.follow(2, 1)
    await forget_counts(world, 1, 2)
    # A change before anybody asked begins a counter that lacks what was before it.
    await world.follows.follow(1, 30)
    await world.follows.unfollow(1, 5)
    assert await following(world, 1) == 10
    assert (await world.store.follow_counts([1]))[1] == FollowCounts(1, 10, listed=True)
    await world.follows.follow(1, 31)
    assert await following(world, 1) == 11
    assert await following(world, 2) == 1


@pytest.mark.parametrize("how", ["looked up", "streamed"])
@pytest.mark.parametrize("drift", [-3, 5])
async def test_whoever_reads_a_whole_list_puts_its_count_right(
    world: World, drift: int, how: str
) -> None:
    await world.follows.follow_many(1, [2, 3])
    assert await following(world, 1) == 2
    await world.store.add_to_following_count(1, drift)
    assert await following(world, 1) == max(0, 2 + drift)
    if how == "looked up":
        await world.relations.lookup([1])
    else:
        await world.relations.whole(1)

    async def right() -> bool:
        return await following(world, 1) == 2

    await eventually(right)


async def test_a_count_that_moves_while_the_list_is_read_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.follows.follow_many(1, [2, 3])
    await forget_counts(world, 1)
    read, others = world.store.following, [4, 5]

    async def moving(user_id: int, *, after: int | None, limit: int) -> IdSlice:
        found = await read(user_id, after=after, limit=limit)
        if others:
            await world.follows.follow(1, others.pop())
        return found

    monkeypatch.setattr(world.store, "following", moving)
    assert await following(world, 1) == 4
    assert (await world.store.follow_counts([1]))[1] == FollowCounts(None, 4, listed=True)


async def test_a_damaged_count_is_counted_anew(world: World) -> None:
    await world.follows.follow_many(1, [2, 3])
    assert await following(world, 1) == 2
    cells = {b"following": b"many"}
    await world.rows.mutate([RowMutation(FOLLOW_COUNTS.name, user_row_key(1), cells)])
    assert await following(world, 1) == 2
    assert (await world.store.follow_counts([1]))[1] == FollowCounts(None, 2, listed=True)


async def test_a_list_that_takes_long_is_counted_for_a_later_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "WAIT_S", 0.05)
    await world.follows.follow_many(1, [2, 3])
    await world.follows.follow(4, 2)
    await forget_counts(world, 1)
    assert await following(world, 4) == 1
    read, go_on = world.store.following, asyncio.Event()

    async def held(user_id: int, *, after: int | None, limit: int) -> IdSlice:
        await go_on.wait()
        return await read(user_id, after=after, limit=limit)

    monkeypatch.setattr(world.store, "following", held)
    found = await world.reads.counts([1, 4])
    assert [each.following for each in found] == [None, 1]
    go_on.set()

    async def right() -> bool:
        return await following(world, 1) == 2

    await eventually(right)


async def test_a_lost_increment_fails_nothing_and_the_others_are_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on an engine where counters change by themselves."""

    async def fail(user_id: int, delta: int) -> None:
        raise UnavailableError(f"no counter for {user_id} {delta:+}")

    monkeypatch.setattr(world.store, "add_to_following_count", fail)
    made = (follow(1, 2), follow(3, 2), Edge(Relation.BLOCK, 1, 5))
    await count_changes(world.store, [Change(5 << 22, made, (follow(1, 4),))])
    counts = await world.store.follow_counts([1, 2, 4])
    assert [each.followers for each in counts.values()] == [None, 2, -1]
    assert [each.following for each in counts.values()] == [None, None, None]
