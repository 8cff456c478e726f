"""Follows of protected users are requests, and nobody sees more for asking."""

import asyncio

import pytest

from services.graph.model import Edge, PlannedChange, Relation
from services.graph.requests import FollowRequests
from services.graph.sights import Sights
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from services.platform.visibility.rule import Sight
from tests.unit.graph.world import World

ADA, BOB, CYD, DAN, EVE = 1, 2, 3, 4, 5


@pytest.fixture
def requests(world: World) -> FollowRequests:
    return FollowRequests(world.changes, world.store, world.users, world.json_events, world.limit)


async def asking(world: World, user_id: int = ADA) -> list[int]:
    return [one.user_id for one in (await world.reads.list_requesters(user_id, None, 50)).users]


async def sight(world: World, reader: int, author: int) -> Sight:
    (found,) = await Sights(world.store).of([(reader, author)])
    return found


async def test_a_protected_user_is_asked(world: World, requests: FollowRequests) -> None:
    await world.follows.follow(DAN, ADA)
    await requests.protect(ADA, 1, protected=True)
    assert await world.follows.follow(BOB, ADA)
    assert await world.follows.follow(BOB, ADA), "asking twice changes nothing"
    assert not await world.follows.follow(DAN, ADA), "who follows goes on to"
    assert (await asking(world), await world.followers(ADA)) == ([BOB], [DAN])
    assert await sight(world, BOB, ADA) == Sight(protected=True)
    assert await sight(world, 0, ADA) == Sight(protected=True)
    assert await sight(world, DAN, ADA) == Sight(following=True, protected=True)
    relationship = await world.reads.relationship(BOB, ADA)
    assert (relationship.following, relationship.requested) == (False, True)
    assert (await world.reads.relationship(ADA, BOB)).requested_by
    assert await world.count(ADA) == 1


async def test_a_request_is_approved_denied_or_taken_back(
    world: World, requests: FollowRequests
) -> None:
    await requests.protect(ADA, 1, protected=True)
    for one in (BOB, CYD, DAN):
        await world.follows.follow(one, ADA)
    for _ in range(2):
        await requests.approve(ADA, BOB)
        await requests.deny(ADA, CYD)
        await world.follows.unfollow(DAN, ADA)
    assert (await asking(world), await world.followers(ADA)) == ([], [BOB])
    assert await world.count(ADA) == 1
    assert [BOB, ADA, True, ["asked", BOB, ADA]] in await world.events()
    with pytest.raises(NotFoundError) as caught:
        await requests.approve(ADA, CYD)
    assert caught.value.reason == Reason.FOLLOW_REQUEST_NOT_FOUND
    with pytest.raises(InvalidArgumentError):
        await requests.approve(ADA, ADA)


async def test_what_becomes_of_a_request_is_said_by_the_event_of_its_change(
    world: World, requests: FollowRequests
) -> None:
    for user_id in (ADA, CYD):
        await requests.protect(user_id, 1, protected=True)
    await world.follows.follow(BOB, ADA)
    await world.follows.follow_many(BOB, [ADA, CYD, DAN])
    await world.follows.unfollow(BOB, ADA)
    await world.follows.follow(BOB, ADA)
    await requests.deny(ADA, BOB)
    await requests.approve(CYD, BOB)
    await world.follows.follow(DAN, ADA)
    await world.blocks.block(DAN, ADA)
    await world.follows.follow(EVE, ADA)
    await world.store.protect(ADA, 2, protected=False)
    await world.follows.follow(EVE, ADA)
    assert await world.events() == [
        ["changed", [BOB], ["asks", BOB, ADA]],
        ["added", BOB, [DAN], ["asks", BOB, CYD]],
        [BOB, ADA, False, ["asked", BOB, ADA]],
        ["changed", [BOB], ["asks", BOB, ADA]],
        ["changed", [BOB], ["asked", BOB, ADA]],
        [BOB, CYD, True, ["asked", BOB, CYD]],
        ["changed", [DAN], ["asks", DAN, ADA]],
        ["changed", [DAN, ADA], ["asked", DAN, ADA]],
        ["changed", [EVE], ["asks", EVE, ADA]],
        [EVE, ADA, True, ["asked", EVE, ADA]],
    ]


async def test_standings_say_who_asks_and_what_came_of_it(
    world: World, requests: FollowRequests
) -> None:
    await requests.protect(ADA, 1, protected=True)
    pairs = [(ADA, BOB), (ADA, CYD), (BOB, ADA)]
    never, *_ = await world.reads.standings(pairs)
    assert (never.requested_by, never.request_changed_ms) == (False, 0)
    for one in (BOB, CYD):
        await world.follows.follow(one, ADA)
    asks, *_ = await world.reads.standings(pairs)
    assert (asks.requested_by, asks.followed_by, asks.follow_changed_ms) == (True, False, 0)
    await requests.approve(ADA, BOB)
    await requests.deny(ADA, CYD)
    approved, denied, turned = await world.reads.standings(pairs)
    assert (approved.requested_by, approved.followed_by) == (False, True)
    assert approved.request_changed_ms == approved.follow_changed_ms > asks.request_changed_ms
    assert (denied.requested_by, denied.followed_by, turned.requested_by) == (False,) * 3
    assert denied.request_changed_ms > 0


async def test_changes_of_one_request_follow_each_other(
    world: World, requests: FollowRequests
) -> None:
    await requests.protect(ADA, 1, protected=True)
    for _ in range(3):
        await asyncio.gather(world.follows.follow(BOB, ADA), world.follows.unfollow(BOB, ADA))
        assert await asking(world) == []
        pending, _ = await asyncio.gather(
            world.follows.follow(BOB, ADA), world.follows.follow_many(CYD, [DAN, ADA])
        )
        assert (pending, await asking(world)) == (True, [BOB, CYD])
        await asyncio.gather(
            world.follows.unfollow(BOB, ADA),
            world.follows.follow(BOB, ADA),
            world.follows.unfollow(BOB, ADA),
            world.follows.unfollow(CYD, ADA),
            world.follows.follow(CYD, ADA),
        )
        assert await asking(world) == [CYD]
        await world.follows.unfollow(CYD, ADA)


async def test_who_is_deleted_is_not_let_in(world: World, requests: FollowRequests) -> None:
    """Their follows are being removed, and one made now might stay."""
    await requests.protect(ADA, 1, protected=True)
    await world.follows.follow(BOB, ADA)
    await world.follows.follow(CYD, ADA)
    world.users.deleted.add(BOB)
    with pytest.raises(NotFoundError) as caught:
        await requests.approve(ADA, BOB)
    assert caught.value.reason == Reason.FOLLOW_REQUEST_NOT_FOUND
    while await requests.protect(ADA, 2, protected=False):
        pass
    assert (await asking(world), await world.followers(ADA)) == ([], [CYD])


async def test_a_request_that_was_left_ends_with_the_follow(
    world: World, requests: FollowRequests
) -> None:
    """Where whoever opened the account died before approving it."""
    await requests.protect(ADA, 1, protected=True)
    await world.follows.follow(BOB, ADA)
    await world.store.protect(ADA, 2, protected=False)
    assert not await world.follows.follow(BOB, ADA)
    assert (await asking(world), await world.followers(ADA)) == ([], [BOB])


async def test_who_follows_and_asks_is_let_in_once(world: World, requests: FollowRequests) -> None:
    await world.follows.follow(BOB, ADA)
    request = Edge(Relation.REQUEST, BOB, ADA)
    await world.changes.make([request], lambda _: PlannedChange((request,), (), b"[]"))
    before = await world.events()
    await requests.approve(ADA, BOB)
    assert (await asking(world), await world.followers(ADA)) == ([], [BOB])
    after = (await world.events())[len(before) :]
    assert after == [["changed", [BOB], ["asked", BOB, ADA]]], "it tells of no follow"


async def test_many_are_followed_or_asked(world: World, requests: FollowRequests) -> None:
    await requests.protect(ADA, 1, protected=True)
    await world.follows.follow_many(BOB, [ADA, CYD, DAN])
    assert (await world.following(BOB), await asking(world)) == ([CYD, DAN], [BOB])


async def test_a_block_ends_a_request_and_bars_another(
    world: World, requests: FollowRequests
) -> None:
    await requests.protect(ADA, 1, protected=True)
    await world.follows.follow(BOB, ADA)
    await world.blocks.block(ADA, BOB)
    assert await asking(world) == []
    with pytest.raises(PermissionDeniedError):
        await world.follows.follow(BOB, ADA)
    assert await sight(world, BOB, ADA) == Sight(blocked_by=True, protected=True)
    assert await sight(world, ADA, BOB) == Sight(blocking=True)


async def test_who_is_protected_no_more_approves_all(
    world: World, requests: FollowRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.graph.requests.APPROVED_PER_CALL", 2)
    await requests.protect(ADA, 1, protected=True)
    await asyncio.gather(*(world.follows.follow(one, ADA) for one in range(2, 9)))
    assert await asking(world) == list(range(2, 9))
    calls = 1
    while await requests.protect(ADA, 2, protected=False):
        calls += 1
    assert calls >= 4
    assert (await asking(world), await world.followers(ADA)) == ([], list(range(2, 9)))
    assert not await world.follows.follow(9, ADA)


async def test_the_latest_revision_of_an_account_holds(
    world: World, requests: FollowRequests
) -> None:
    await requests.protect(ADA, 5, protected=True)
    await requests.protect(ADA, 4, protected=False)
    assert (await sight(world, BOB, ADA)).protected
    await requests.protect(ADA, 6, protected=False)
    await requests.protect(ADA, 5, protected=True)
    assert not (await sight(world, BOB, ADA)).protected
    with pytest.raises(InvalidArgumentError):
        await requests.protect(ADA, 0, protected=True)


async def test_sights_of_many_are_in_their_order(world: World) -> None:
    await world.follows.follow(BOB, ADA)
    await world.blocks.mute(BOB, CYD)
    pairs = [(BOB, CYD), (BOB, ADA), (ADA, BOB), (BOB, CYD)]
    muted = Sight(muting=True)
    expected = [muted, Sight(following=True), Sight(), muted]
    assert await Sights(world.store).of(pairs) == expected
    for wrong in ([], [(1, 0)], [(-1, 1)], [(1, 2)] * 1_001):
        with pytest.raises(InvalidArgumentError):
            await Sights(world.store).of(wrong)
