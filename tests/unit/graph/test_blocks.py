import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.graph.model import Change
from services.platform.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from tests.unit.graph.world import USERS, World, block, follow, mute

Use = Callable[[World, int, int], Awaitable[None]]
USES: dict[str, Use] = {
    "block": lambda world, one, other: world.blocks.block(one, other),
    "unblock": lambda world, one, other: world.blocks.unblock(one, other),
    "mute": lambda world, one, other: world.blocks.mute(one, other),
    "unmute": lambda world, one, other: world.blocks.unmute(one, other),
}


async def befriend(world: World) -> None:
    await world.follows.follow(1, 2)
    await world.follows.follow(2, 1)


@pytest.mark.parametrize(("blocker", "blocked"), [(1, 2), (2, 1)])
async def test_a_block_ends_follows_both_ways_in_one_commit(
    world: World, blocker: int, blocked: int
) -> None:
    await befriend(world)
    await world.follows.follow(3, 2)
    await world.blocks.block(blocker, blocked)
    assert (await world.events())[3:] == [["changed", [blocker, blocked]]]
    assert await world.following(1) == await world.following(2) == []
    assert await world.followers(1) == []
    assert await world.followers(2) == [3]
    assert [await world.count(1), await world.count(2)] == [0, 1]
    assert await world.hidden(1) == [2]
    assert await world.hidden(2) == [1]


async def test_a_block_between_strangers_ends_nothing(world: World) -> None:
    await world.blocks.block(1, 2)
    assert await world.events() == [["changed", [1, 2]]]
    assert [await world.count(1), await world.count(2)] == [0, 0]


@pytest.mark.parametrize(("follower", "followee"), [(1, 2), (2, 1)])
async def test_neither_follows_while_a_block_stands(
    world: World, follower: int, followee: int
) -> None:
    await befriend(world)
    await world.blocks.block(1, 2)
    with pytest.raises(PermissionDeniedError) as caught:
        await world.follows.follow(follower, followee)
    assert caught.value.reason == "BLOCKED"
    await world.follows.unfollow(follower, followee)
    await world.blocks.unblock(1, 2)
    assert await world.following(follower) == [], "an end of a block restores nothing"
    await world.follows.follow(follower, followee)
    assert await world.following(follower) == [followee]
    assert await world.count(followee) == 1


async def test_the_other_block_stands_when_one_ends(world: World) -> None:
    await world.blocks.block(1, 2)
    await world.blocks.block(2, 1)
    await world.blocks.unblock(1, 2)
    with pytest.raises(PermissionDeniedError):
        await world.follows.follow(1, 2)
    assert await world.hidden(1) == [2]
    await world.blocks.unblock(2, 1)
    assert await world.hidden(1) == await world.hidden(2) == []


async def test_a_mute_hides_and_keeps_the_follow(world: World) -> None:
    await befriend(world)
    await world.blocks.mute(1, 2)
    assert (await world.events())[2:] == [["changed", [1]]]
    assert await world.hidden(1) == [2]
    assert await world.hidden(2) == []
    assert await world.following(1) == [2]
    assert await world.count(2) == 1
    await world.blocks.unmute(1, 2)
    assert await world.hidden(1) == []
    assert (await world.events())[3:] == [["changed", [1]]]


@pytest.mark.parametrize("use", ["unblock", "unmute"])
async def test_what_was_with_a_user_deleted_since_can_be_ended(world: World, use: str) -> None:
    await world.blocks.block(1, 2)
    await world.blocks.mute(1, 2)
    world.users.deleted.add(2)
    end = getattr(world.blocks, use)
    await end(1, 2)
    before = await world.events()
    with pytest.raises(NotFoundError):
        await end(1, 2)
    assert await world.events() == before


async def test_hidden_is_everybody_once_and_increasing(world: World) -> None:
    await world.blocks.mute(1, 30)
    await world.blocks.block(1, 4)
    await world.blocks.block(17, 1)
    await world.blocks.mute(1, 17)
    assert await world.hidden(1) == [4, 17, 30]


@pytest.mark.parametrize("use", ["block", "mute"])
async def test_repeats_publish_nothing(world: World, use: str) -> None:
    undo = f"un{use}"
    await USES[undo](world, 1, 2)
    assert await world.events() == []
    await asyncio.gather(*(USES[use](world, 1, 2) for _ in range(10)))
    assert len(await world.events()) == 1
    await asyncio.gather(*(USES[undo](world, 1, 2) for _ in range(10)))
    assert len(await world.events()) == 2


@pytest.mark.parametrize(("use", "role"), [("block", "block"), ("mute", "mut")])
@pytest.mark.parametrize("undo", ["", "un"])
async def test_bad_ids_are_refused(world: World, use: str, role: str, undo: str) -> None:
    owner, other = f"{role}er_id", f"{role}ed_id"
    for one, two, field in ((0, 2, owner), (1, -2, other), (1, 1, other)):
        with pytest.raises(InvalidArgumentError) as caught:
            await USES[undo + use](world, one, two)
        assert caught.value.field == field


@pytest.mark.parametrize("use", ["block", "unblock", "mute", "unmute"])
async def test_unknown_users_are_named(world: World, use: str) -> None:
    for one, other in ((1, USERS + 1), (USERS + 1, 1)):
        with pytest.raises(NotFoundError, match=f"user {USERS + 1} "):
            await USES[use](world, one, other)
    assert await world.events() == []


async def test_a_block_and_follows_at_once_end_without_a_follow(world: World) -> None:
    for one in range(1, 49, 2):
        uses = [
            world.follows.follow(one, one + 1),
            world.follows.follow_many(one + 1, [one, 50]),
            world.blocks.block(one, one + 1),
            world.follows.follow(one + 1, one),
            world.follows.unfollow(one, one + 1),
        ]
        order = uses[one % 5 :] + uses[: one % 5]
        answers = await asyncio.gather(*order, return_exceptions=True)
        assert all(not answer or isinstance(answer, PermissionDeniedError) for answer in answers)
        assert one + 1 not in await world.following(one)
        assert one not in await world.following(one + 1)
        assert [await world.count(one), await world.count(one + 1)] == [0, 0]


@pytest.mark.parametrize(("follower", "followee"), [(1, 2), (2, 1)])
async def test_a_block_waits_for_a_follow_under_way_and_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, follower: int, followee: int
) -> None:
    commit = world.store.commit
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def commit_slowly(change: Change, event: bytes) -> None:
        begun.set()
        await let_go.wait()
        await commit(change, event)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "commit", commit_slowly)
        following = asyncio.create_task(world.follows.follow(follower, followee))
        await begun.wait()
    blocking = asyncio.create_task(world.blocks.block(1, 2))
    let_go.set()
    await asyncio.gather(following, blocking)
    assert await world.following(follower) == []
    assert await world.count(followee) == 0
    assert (await world.events())[-1] == ["changed", [1, 2]]


@pytest.mark.parametrize(("follower", "followee"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("many", [False, True])
async def test_a_follow_waits_for_a_block_under_way_and_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, follower: int, followee: int, *, many: bool
) -> None:
    commit = world.store.commit
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def commit_slowly(change: Change, event: bytes) -> None:
        begun.set()
        await let_go.wait()
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", commit_slowly)
    blocking = asyncio.create_task(world.blocks.block(1, 2))
    await begun.wait()
    # Its request gives up; the block goes on all the same.
    blocking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await blocking
    following = asyncio.create_task(
        world.follows.follow_many(follower, [followee, 9])
        if many
        else world.follows.follow(follower, followee)
    )
    let_go.set()
    with pytest.raises(PermissionDeniedError):
        await following
    assert await world.store.standing([block(1, 2), follow(follower, followee)]) == {block(1, 2)}


class Failing:
    """A store whose commits fail, and may take effect later."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = world
        self._monkeypatch = monkeypatch
        self._late: list[tuple[Change, bytes]] = []

    async def call(self, use: Awaitable[None]) -> None:
        async def fail(change: Change, event: bytes) -> None:
            self._late.append((change, event))
            raise UnavailableError("the outcome is open")

        with self._monkeypatch.context() as patched:
            patched.setattr(self._world.store, "commit", fail)
            with pytest.raises(UnavailableError):
                await use

    async def take_effect(self) -> None:
        for change, event in self._late:
            await self._world.store.commit(change, event)


@pytest.mark.parametrize(("follower", "followee"), [(1, 2), (2, 1)])
async def test_a_follow_settles_a_block_that_failed_but_takes_effect_later(
    world: World, monkeypatch: pytest.MonkeyPatch, follower: int, followee: int
) -> None:
    failing = Failing(world, monkeypatch)
    await failing.call(world.blocks.block(1, 2))
    await world.follows.follow(follower, followee)
    await failing.take_effect()
    assert await world.following(follower) == [followee]
    assert await world.hidden(1) == await world.hidden(2) == []


async def test_a_block_beats_a_follow_that_failed_but_takes_effect_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(world, monkeypatch)
    await failing.call(world.follows.follow(2, 1))
    await world.blocks.block(1, 2)
    await failing.take_effect()
    assert await world.following(2) == await world.followers(1) == []
    assert await world.count(1) == 0


@pytest.mark.parametrize("use", ["block", "mute"])
async def test_an_undoing_beats_what_failed_but_takes_effect_later(
    world: World, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    failing = Failing(world, monkeypatch)
    await failing.call(USES[use](world, 1, 2))
    await USES[f"un{use}"](world, 1, 2)
    await failing.take_effect()
    assert await world.store.standing([block(1, 2), mute(1, 2)]) == frozenset()
    assert await world.hidden(2) == []


SEEN_BY = {"block": {1, 2}, "unblock": {1, 2}, "mute": {1}, "unmute": {1}}


@pytest.mark.parametrize("use", USES)
async def test_what_is_cached_is_forgotten_after_the_commit(world: World, use: str) -> None:
    """Also by a repeat that finds nothing to do: the first may have died after its commit."""
    if use.startswith("un"):
        await USES[use.removeprefix("un")](world, 1, 2)
    world.forgotten.clear()
    for _ in range(2):
        await USES[use](world, 1, 2)
    assert world.forgotten == [SEEN_BY[use]] * 2


async def test_nothing_is_forgotten_of_a_change_that_is_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_change: Change, _event: bytes) -> None:
        raise UnavailableError("no disk")

    monkeypatch.setattr(world.store, "commit", fail)
    with pytest.raises(UnavailableError):
        await world.blocks.block(1, 2)
    assert world.forgotten == []
