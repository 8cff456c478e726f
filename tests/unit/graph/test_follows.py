import asyncio

import pytest

from services.graph.follows import MAX_FOLLOWEES
from services.graph.model import Change, FollowerPage
from services.platform.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from tests.unit.graph.world import USERS, World


async def test_following_twice_is_one_event_and_one_follower(world: World) -> None:
    await world.follows.follow(1, 2)
    await world.follows.follow(1, 2)
    assert await world.events() == [[1, 2, True]]
    assert [entry.topic for entry in await world.entries()] == ["graph-events"]
    assert await world.following(1) == [2]
    assert await world.count(2) == 1


async def test_concurrent_follows_of_one_edge_are_one_event(world: World) -> None:
    await asyncio.gather(*(world.follows.follow(1, 2) for _ in range(20)))
    assert await world.events() == [[1, 2, True]]
    assert await world.count(2) == 1


@pytest.mark.parametrize("step", [0, 1])
async def test_follow_unfollow_follow_ends_following(world: World, step: int) -> None:
    await world.follows.follow(1, 2)
    world.ids.step = step
    await world.follows.unfollow(1, 2)
    assert await world.following(1) == []
    assert await world.pages(2, 10) == []
    assert await world.count(2) == 0
    world.ids.step = 1
    await world.follows.follow(1, 2)
    assert await world.following(1) == [2]
    assert await world.pages(2, 10) == [FollowerPage((), (1,))]
    assert await world.count(2) == 1
    assert (await world.events())[-1] == [1, 2, True]


async def test_unfollowing_a_stranger_changes_nothing(world: World) -> None:
    await world.follows.unfollow(1, 2)
    assert await world.events() == []
    assert await world.count(2) == 0


async def test_there_is_no_unfollowing_nobody(world: World) -> None:
    for follower, followee in ((1, 999), (998, 2)):
        with pytest.raises(NotFoundError) as caught:
            await world.follows.unfollow(follower, followee)
        assert caught.value.metadata["user_id"] == str(max(follower, followee))
    assert await world.events() == []


async def test_a_follow_of_a_user_deleted_since_can_be_ended(world: World) -> None:
    await world.follows.follow(1, 2)
    world.users.deleted.add(2)
    await world.follows.unfollow(1, 2)
    assert await world.following(1) == []
    with pytest.raises(NotFoundError):
        await world.follows.unfollow(1, 2)


@pytest.mark.parametrize(("follower", "followee", "named"), [(1, 99, 99), (98, 2, 98)])
async def test_unknown_users_are_named(
    world: World, follower: int, followee: int, named: int
) -> None:
    with pytest.raises(NotFoundError, match=f"user {named} ") as caught:
        await world.follows.follow(follower, followee)
    assert caught.value.metadata == {"user_id": str(named)}
    assert await world.events() == []


@pytest.mark.parametrize(
    ("follower", "followee", "field"),
    [(1, 1, "followee_id"), (0, 1, "follower_id"), (1, -1, "followee_id")],
)
async def test_bad_edges_are_refused(
    world: World, follower: int, followee: int, field: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.follows.follow(follower, followee)
    assert caught.value.field == field


async def test_an_unfollow_beats_a_follow_that_failed_but_takes_effect_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[tuple[Change, bytes]] = []

    async def fail(change: Change, event: bytes) -> None:
        late.append((change, event))
        raise UnavailableError("the outcome is open")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "commit", fail)
        with pytest.raises(UnavailableError):
            await world.follows.follow(1, 2)
    await world.follows.unfollow(1, 2)
    await world.store.commit(*late[0])
    assert await world.following(1) == []
    assert await world.pages(2, 10) == []
    assert await world.count(2) == 0


async def test_an_unfollow_waits_for_the_follow_its_request_gave_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.store.commit
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def commit_slowly(change: Change, event: bytes) -> None:
        begun.set()
        await let_go.wait()
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", commit_slowly)
    following = asyncio.create_task(world.follows.follow(1, 2))
    await begun.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    unfollowing = asyncio.create_task(world.follows.unfollow(1, 2))
    let_go.set()
    await unfollowing
    assert await world.following(1) == []
    assert await world.events() == [[1, 2, True], [1, 2, False]]


async def test_many_follows_are_one_event_about_those_that_are_new(world: World) -> None:
    await world.follows.follow(1, 3)
    await world.follows.follow_many(1, [5, 3, 2, 5])
    assert await world.events() == [[1, 3, True], ["added", 1, [5, 2]]]
    assert await world.following(1) == [2, 3, 5]
    assert [await world.followers(user) for user in (2, 3, 5)] == [[1]] * 3
    assert [await world.count(user) for user in (2, 3, 5)] == [1, 1, 1]
    await world.follows.follow_many(1, [2, 3, 5])
    assert len(await world.entries()) == 2


async def test_a_thousand_are_followed_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.users, "_exists", lambda _user_id: True)
    everybody = list(range(2, MAX_FOLLOWEES + 2))
    await world.follows.follow_many(1, everybody)
    assert await world.following(1) == everybody
    assert {one.followers for one in await world.reads.counts(everybody)} == {1}
    assert await world.events() == [["added", 1, everybody]]


@pytest.mark.parametrize(
    ("follower", "followees", "field"),
    [
        (0, [2], "follower_id"),
        (1, [], "followee_ids"),
        (1, [2, 0], "followee_ids"),
        (1, [2, 1], "followee_ids"),
        (1, list(range(2, MAX_FOLLOWEES + 3)), "followee_ids"),
        (1, [2] * (MAX_FOLLOWEES + 1), "followee_ids"),
    ],
)
async def test_bad_lists_are_refused(
    world: World, follower: int, followees: list[int], field: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.follows.follow_many(follower, followees)
    assert caught.value.field == field


async def test_one_unknown_user_keeps_all_from_being_followed(world: World) -> None:
    with pytest.raises(NotFoundError, match=f"user {USERS + 7} "):
        await world.follows.follow_many(1, [2, USERS + 7, USERS + 1])
    assert await world.following(1) == []
    assert await world.events() == []


@pytest.mark.parametrize(("blocker", "blocked"), [(1, 3), (3, 1)])
async def test_one_block_keeps_all_from_being_followed(
    world: World, blocker: int, blocked: int
) -> None:
    await world.blocks.block(blocker, blocked)
    with pytest.raises(PermissionDeniedError, match="user 3") as caught:
        await world.follows.follow_many(1, [2, 3, 4])
    assert caught.value.reason == "BLOCKED"
    assert caught.value.metadata == {"follower_id": "1", "followee_id": "3"}
    assert await world.following(1) == []


async def test_a_followers_cached_relations_are_forgotten(world: World) -> None:
    await world.follows.follow(1, 2)
    await world.follows.follow_many(1, [2, 3, 4])
    await world.follows.unfollow(1, 2)
    assert world.forgotten == [{1}] * 3
