import asyncio
from collections.abc import Iterator

import pytest

from services.graph import erasure
from services.graph.erasure import SETTLE_MS, GraphErasure
from services.graph.model import Change, Edge
from services.platform.erasure import WORK_S, Settling
from services.platform.errors import CallAgain
from tests.unit.graph.world import World, block, follow, mute

GONE = 7


def erasure_of(world: World, seconds: Iterator[float] | None = None) -> GraphErasure:
    ticks = seconds or iter(lambda: 0.0, None)
    settled = Settling(SETTLE_MS, world.clock)
    return GraphErasure(
        world.store,
        world.changes,
        world.json_events,
        settled,
        world.words,
        monotonic=lambda: next(ticks),
    )


async def connect(world: World) -> None:
    for other in (1, 2, 3, 4):
        await world.follows.follow(GONE, other)
        await world.follows.follow(other, GONE)
        await world.follows.follow(other, 9)
    await world.blocks.mute(GONE, 1)
    await world.blocks.block(GONE, 20)
    await world.blocks.block(21, GONE)
    await world.blocks.block(20, 21)


async def test_nothing_from_or_to_a_deleted_user_stays(world: World) -> None:
    await connect(world)
    await erasure_of(world).erase(GONE, world.clock.ms - SETTLE_MS)
    assert await world.following(GONE) == await world.followers(GONE) == []
    assert await world.hidden(GONE) == []
    assert await world.hidden(20) == [21]
    assert await world.hidden(21) == [20]
    gone = [mute(GONE, 1), block(GONE, 20), block(21, GONE), follow(GONE, 1), follow(1, GONE)]
    assert await world.store.standing(gone) == frozenset()
    assert [await world.following(other) for other in (1, 2, 3, 4)] == [[9]] * 4
    assert [await world.count(user) for user in (1, 2, 3, 4, GONE, 9)] == [0, 0, 0, 0, 0, 4]


async def test_caches_of_all_who_see_a_change_are_refreshed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EDGES_PER_CHANGE", 3)
    await connect(world)
    before = len(await world.entries())
    world.forgotten.clear()
    await erasure_of(world).erase(GONE, world.clock.ms - SETTLE_MS)
    published = [event[1] for event in (await world.events())[before:]]
    assert {user for users in published for user in users} == {GONE, 1, 2, 3, 4, 20, 21}
    assert max(len(users) for users in published) <= 4
    first, *others = world.forgotten
    assert first == {GONE}
    assert [seen | {GONE} for seen in others] == [set(users) for users in published]


async def test_a_repeat_finds_nothing(world: World) -> None:
    await connect(world)
    erases = erasure_of(world)
    await erases.erase(GONE, world.clock.ms - SETTLE_MS)
    before = await world.entries()
    await erases.erase(GONE, world.clock.ms - SETTLE_MS)
    assert await world.entries() == before


async def test_a_young_deletion_is_looked_at_again(world: World) -> None:
    await connect(world)
    erases, deleted_at_ms = erasure_of(world), world.clock.ms
    world.clock.ms += SETTLE_MS - 6_000
    with pytest.raises(CallAgain) as caught:
        await erases.erase(GONE, deleted_at_ms)
    assert caught.value.after_s == 6.0
    assert await world.followers(GONE) == []
    # A follow that had found the user there.
    await world.follows.follow(5, GONE)
    world.clock.ms += 6_000
    await erases.erase(GONE, deleted_at_ms)
    assert await world.followers(GONE) == await world.following(5) == []


async def test_a_deletion_dated_ahead_by_a_wrong_clock_ends_as_soon_as_others(
    world: World,
) -> None:
    await connect(world)
    watch_s, deleted_at_ms = [0.0], world.clock.ms + 3_600_000
    settling = Settling(SETTLE_MS, world.clock, lambda: watch_s[0])
    erases = GraphErasure(world.store, world.changes, world.json_events, settling, world.words)
    with pytest.raises(CallAgain) as caught:
        await erases.erase(GONE, deleted_at_ms)
    assert caught.value.after_s == SETTLE_MS / 1_000
    await world.follows.follow(5, GONE)
    watch_s[0] += SETTLE_MS / 1_000
    await erases.erase(GONE, deleted_at_ms)
    assert await world.followers(GONE) == await world.following(5) == []


async def test_a_delivery_ends_in_time_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EDGES_PER_CHANGE", 2)
    for follower in range(10, 40):
        await world.follows.follow(follower, GONE)
        await world.follows.follow(GONE, follower)
    # Each look at the time is two seconds after the last: three changes in a delivery.
    erases = erasure_of(world, iter(range(0, 10_000, 2)))
    changed: list[Change] = []
    commit = world.store.commit

    async def noting(change: Change, event: bytes) -> None:
        changed.append(change)
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", noting)
    deliveries = 0
    while True:
        deliveries += 1
        before = len(changed)
        try:
            await erases.erase(GONE, world.clock.ms - SETTLE_MS)
        except CallAgain:
            assert len(changed) - before == 3
        else:
            break
    # Thirty changes, and a last look that finds nothing more.
    assert deliveries == 11
    assert await world.followers(GONE) == await world.following(GONE) == []
    removed = [edge for change in changed for edge in change.removed]
    assert len(removed) == len(set(removed)) == 60
    assert await world.count(GONE) == 0


async def test_a_walk_that_began_young_is_walked_again_though_it_ends_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EDGES_PER_CHANGE", 2)
    for follower in range(10, 30):
        await world.follows.follow(follower, GONE)
    erases, deleted_at_ms = erasure_of(world, iter(range(0, 10_000, 2))), world.clock.ms
    with pytest.raises(CallAgain):
        await erases.erase(GONE, deleted_at_ms)
    # Behind the walk, where it does not look any more.
    await world.follows.follow(9, GONE)
    world.clock.ms += SETTLE_MS
    for _ in range(20):
        try:
            await erases.erase(GONE, deleted_at_ms)
        except CallAgain:
            continue
        break
    assert await world.followers(GONE) == []


async def test_after_a_restart_the_edges_that_are_left_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EDGES_PER_CHANGE", 2)
    await connect(world)
    with pytest.raises(CallAgain):
        await erasure_of(world, iter([0.0, WORK_S])).erase(GONE, world.clock.ms - SETTLE_MS)
    await erasure_of(world).erase(GONE, world.clock.ms - SETTLE_MS)
    assert await world.followers(GONE) == await world.following(GONE) == []
    assert await world.hidden(21) == [20]


async def test_the_user_follows_nobody_anew_between_two_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "EDGES_PER_CHANGE", 2)
    await connect(world)
    deleted_at_ms = world.clock.ms
    answers = await asyncio.gather(
        erasure_of(world).erase(GONE, deleted_at_ms),
        world.follows.follow(GONE, 30),
        world.follows.follow(30, GONE),
        return_exceptions=True,
    )
    assert isinstance(answers[0], CallAgain)
    world.clock.ms += SETTLE_MS
    await erasure_of(world).erase(GONE, deleted_at_ms)
    assert await world.following(GONE) == await world.followers(GONE) == []


async def test_an_erasure_waits_for_a_follow_under_way_and_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.follows.follow(1, GONE)
    states = world.store.states
    erasing: list[asyncio.Task[None]] = []

    async def read_late(edges: list[Edge], deciding: list[Edge]) -> object:
        if deciding and not erasing:
            erase = erasure_of(world).erase(GONE, world.clock.ms - SETTLE_MS)
            erasing.append(asyncio.create_task(erase))
        return await states(edges, deciding)

    monkeypatch.setattr(world.store, "states", read_late)
    async with asyncio.timeout(10):
        await world.follows.follow(1, GONE)
        await erasing[0]
    assert await world.following(1) == await world.followers(GONE) == []
