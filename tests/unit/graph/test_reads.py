from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from services.graph.model import (
    FollowerPage,
    RelationCounts,
    Relationship,
    UserPage,
    UserProfile,
)
from services.platform.errors import InvalidArgumentError, NotFoundError, UnavailableError
from services.platform.ids import slices
from services.platform.rows.sqlite.rows import SqliteRowStore
from tests.unit.graph.world import USERS, World

ListPage = Callable[[int, int | None, int], Awaitable[UserPage]]


async def test_relations_are_sorted(world: World) -> None:
    for followee in (30, 4, 17):
        await world.follows.follow(1, followee)
    assert await world.following(1) == [4, 17, 30]


async def test_followers_come_in_pages_close_friends_apart(world: World) -> None:
    for follower in range(2, 12):
        await world.follows.follow(follower, 1)
    for followee in (3, 7, 40):
        await world.follows.follow(1, followee)
    await world.follows.unfollow(5, 1)
    assert await world.pages(1, 4) == [
        FollowerPage((3,), (2, 4)),
        FollowerPage((7,), (6, 8, 9)),
        FollowerPage((), (10, 11)),
    ]
    assert await world.pages(1, 1000) == [FollowerPage((3, 7), (2, 4, 6, 8, 9, 10, 11))]
    assert await world.pages(41, 10) == []


@pytest.mark.parametrize("page_size", [0, 1001, -1])
async def test_bad_page_sizes_are_refused(world: World, page_size: int) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.pages(1, page_size)
    assert caught.value.field == "page_size"


@pytest.mark.parametrize("drift", [-3, 5])
async def test_a_complete_stream_heals_the_count(world: World, drift: int) -> None:
    await world.follows.follow(2, 1)
    await world.follows.follow(3, 1)
    await world.store.add_to_follower_count(1, drift)
    assert await world.count(1) == max(0, 2 + drift)
    await world.pages(1, 1)
    assert await world.count(1) == 2
    await world.follows.follow(4, 1)
    assert await world.count(1) == 3


async def test_a_count_that_moves_during_the_stream_is_left_alone(world: World) -> None:
    await world.follows.follow(2, 1)
    await world.store.add_to_follower_count(1, 5)
    async for _ in world.reads.stream_followers(1, 1):
        await world.follows.follow(3, 1)
    assert await world.count(1) == 7
    await world.pages(1, 10)
    assert await world.count(1) == 2


async def test_a_lost_increment_does_not_fail_the_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(user_id: int, delta: int) -> None:
        raise UnavailableError(f"no counter for {user_id} {delta:+}")

    with monkeypatch.context() as patched:
        # As on an engine where counters change by themselves.
        patched.setattr(SqliteRowStore, "atomic_batches", property(lambda _rows: False))
        patched.setattr(world.store, "add_to_follower_count", fail)
        await world.follows.follow(2, 1)
    assert await world.count(1) == 0
    await world.pages(1, 10)
    assert await world.count(1) == 1


async def test_counts_answer_in_the_order_asked(world: World) -> None:
    await world.follows.follow(1, 2)
    assert await world.reads.counts([3, 2, 3]) == [
        RelationCounts(3, 0, 0),
        RelationCounts(2, 1, 0),
        RelationCounts(3, 0, 0),
    ]
    with pytest.raises(InvalidArgumentError):
        await world.reads.counts([])


async def test_relationship_is_read_from_both_sides(world: World) -> None:
    await world.follows.follow(1, 2)
    await world.blocks.mute(1, 2)
    nothing = Relationship(
        following=False,
        followed_by=False,
        blocking=False,
        blocked_by=False,
        muting=False,
        requested=False,
        requested_by=False,
    )
    assert await world.reads.relationship(1, 2) == replace(nothing, following=True, muting=True)
    assert await world.reads.relationship(2, 1) == replace(nothing, followed_by=True)
    await world.blocks.block(2, 1)
    assert await world.reads.relationship(1, 2) == replace(nothing, blocked_by=True, muting=True)
    assert await world.reads.relationship(2, 1) == replace(nothing, blocking=True)
    for one, other in ((1, 999), (999, 1)):
        with pytest.raises(NotFoundError):
            await world.reads.relationship(one, other)
    with pytest.raises(InvalidArgumentError) as caught:
        await world.reads.relationship(1, 0)
    assert caught.value.field == "target_id"


async def listed(list_page: ListPage, limit: int) -> list[list[int]]:
    pages: list[list[int]] = []
    after = None
    while True:
        page = await list_page(1, after, limit)
        pages.append([user.user_id for user in page.users])
        after = page.next_after
        if after is None:
            return pages


@pytest.mark.parametrize("limit", [1, 3, 4, 19, 20, 200])
async def test_lists_are_full_pages_without_the_deleted(world: World, limit: int) -> None:
    for other in range(2, 32):
        await world.follows.follow(1, other)
        await world.follows.follow(other, 1)
    for other in range(5, 10):
        await world.follows.unfollow(1, other)
        await world.follows.unfollow(other, 1)
    world.users.deleted = {2, 12, 13, 14, 31}
    expected = [user for user in range(3, 31) if user not in {*range(5, 10), 12, 13, 14}]
    for list_page in (world.reads.list_followers, world.reads.list_following):
        pages = await listed(list_page, limit)
        assert [user for page in pages for user in page] == expected
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert pages[-1], "the end comes with the last users, not with an empty page"


async def test_a_page_of_living_users_is_one_lookup(world: World) -> None:
    for other in range(2, 32):
        await world.follows.follow(other, 1)
    page = await world.reads.list_followers(1, 3, 5)
    assert page.users[0] == UserProfile(4, "u4", "User 4", 4)
    assert len(world.users.lookups) == 1


async def test_a_long_run_of_removed_follows_is_passed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "EDGES_PER_SCAN", 4)
    for other in range(2, 40):
        await world.follows.follow(other, 1)
    for other in range(3, 39):
        await world.follows.unfollow(other, 1)
    assert await listed(world.reads.list_followers, 1) == [[2], [39]]


async def test_lists_of_nobody(world: World) -> None:
    for list_page in (world.reads.list_followers, world.reads.list_following):
        assert (await list_page(1, None, 50)).users == ()
        with pytest.raises(NotFoundError):
            await list_page(USERS + 1, None, 50)
        with pytest.raises(InvalidArgumentError) as caught:
            await list_page(0, None, 50)
        assert caught.value.field == "user_id"
