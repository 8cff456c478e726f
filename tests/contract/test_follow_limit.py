"""Nobody follows more users than they may, whoever changes it at the same time. Every engine."""

import asyncio
from collections.abc import Awaitable

import pytest
import pytest_asyncio

from services.graph.edge_rows import kept_column
from services.graph.model import Change
from services.graph.places import KEPT_MS
from services.graph.requests import FollowRequests
from services.graph.spec import FOLLOWING, OUTBOX, TABLES
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, UnavailableError
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import ClockIds, MovableClock, World

__all__ = ["bigtable_emulator", "store"]

ADA = 1
MOST = 5
FULL = list(range(2, 2 + MOST))
MORE = FULL[-1] + 1


@pytest.fixture(autouse=True)
def _graph_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the graph service."""
    clock = MovableClock()
    return World(store, clock, ClockIds(clock, worker=1), max_followed=MOST)


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, one.clock, ClockIds(one.clock, worker=2), max_followed=MOST)


def requests_of(world: World) -> FollowRequests:
    return FollowRequests(world.changes, world.store, world.users, world.json_events, world.limit)


async def refusal(change: Awaitable[object]) -> dict[str, str]:
    """The metadata of a refusal, which there must be."""
    with pytest.raises(FailedPreconditionError) as refused:
        await change
    assert refused.value.reason is Reason.TOO_MANY_FOLLOWED
    return dict(refused.value.metadata)


async def took_place(changes: list[Awaitable[object]]) -> list[bool]:
    """Which of changes at once took place; the others were refused."""
    answers = await asyncio.gather(*changes, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            assert isinstance(answer, FailedPreconditionError), answer
            assert answer.reason is Reason.TOO_MANY_FOLLOWED
    return [not isinstance(answer, BaseException) for answer in answers]


async def test_one_more_is_refused_and_leaves_nothing_behind(one: World, other: World) -> None:
    await one.follows.follow_many(ADA, FULL)
    events = await one.events()
    for world in (one, other):
        told = await refusal(world.follows.follow(ADA, MORE))
        assert told == {"user_id": "1", "following": str(MOST), "most": str(MOST)}
    assert await one.events() == events
    assert await one.following(ADA) == FULL
    assert (await one.followers(MORE), await one.count(MORE)) == ([], 0)
    row = (await one.rows.read_rows(FOLLOWING.name, [user_row_key(ADA)]))[user_row_key(ADA)]
    assert len(row.cells) == MOST, "no cell but of those who are followed"


async def test_what_stands_is_never_refused(one: World, other: World) -> None:
    await one.follows.follow_many(ADA, FULL)
    for world in (one, other):
        await world.follows.follow(ADA, FULL[0])
        await world.follows.follow_many(ADA, FULL)
    assert await one.following(ADA) == FULL
    assert len(await one.events()) == 1


async def test_an_end_makes_room_at_once(one: World, other: World) -> None:
    await one.follows.follow_many(ADA, FULL)
    for gone, new in zip(FULL, range(MORE, MORE + 3), strict=False):
        await refusal(other.follows.follow(ADA, new))
        await one.follows.unfollow(ADA, gone)
        await other.follows.follow(ADA, new)
    assert len(await one.following(ADA)) == MOST


async def test_of_many_at_once_as_many_are_made_as_there_is_room_for(
    one: World, other: World
) -> None:
    await one.follows.follow_many(ADA, FULL[:-1])
    for new in range(10, 20):
        at_once = (
            world.follows.follow(ADA, new + at * 10) for world in (one, other) for at in (0, 1)
        )
        # Of the same user, by both processes: one follow, and so one place.
        done = await took_place(list(at_once))
        following = await other.following(ADA)
        assert len(following) == MOST
        assert done == [new in following, new + 10 in following] * 2
        await one.follows.unfollow(ADA, following[-1])


async def test_those_who_have_room_are_not_held_up_by_those_who_have_not(one: World) -> None:
    await one.follows.follow_many(ADA, FULL)
    others = range(20, 30)
    done = await took_place([one.follows.follow(each, MORE) for each in (ADA, *others)])
    assert done == [False] + [True] * len(others)
    assert await one.followers(MORE) == list(others)
    assert await one.count(MORE) == len(others)


async def test_many_are_followed_all_or_none(one: World, other: World) -> None:
    await one.follows.follow_many(ADA, FULL[:3])
    told = await refusal(one.follows.follow_many(ADA, [*FULL[2:], MORE]))
    assert (told["following"], told["most"]) == ("3", str(MOST))
    assert await one.following(ADA) == FULL[:3]
    done = await took_place(
        [one.follows.follow_many(ADA, [10, 11]), other.follows.follow_many(ADA, [12, 13])]
    )
    assert sum(done) == 1
    assert len(await one.following(ADA)) == MOST


async def test_whom_more_follow_may_follow_more(one: World, other: World) -> None:
    followers = range(10, 20)
    for each in followers:
        await one.follows.follow(each, ADA)
    await one.follows.follow_many(ADA, FULL)
    # 1.1 times as many as follow.
    await one.follows.follow_many(ADA, range(MORE, MORE + 5))
    done = await took_place(
        [world.follows.follow(ADA, 30 + at) for at, world in enumerate((one, other))]
    )
    assert sum(done) == 1
    assert (await refusal(one.follows.follow(ADA, 40)))["most"] == "11"
    await one.follows.unfollow(followers[0], ADA)
    # More than may be by now stay, and may be followed again.
    told = await refusal(one.follows.follow(ADA, 40))
    assert (told["following"], told["most"]) == ("11", "9")
    await other.follows.follow(ADA, FULL[0])


async def test_a_request_is_approved_if_there_is_room(one: World) -> None:
    requests = requests_of(one)
    await one.follows.follow_many(ADA, FULL)
    await requests.protect(MORE, 1, protected=True)
    assert await one.follows.follow(ADA, MORE), "asking takes no room"
    assert (await refusal(requests.approve(MORE, ADA)))["user_id"] == str(ADA)
    relationship = await one.reads.relationship(ADA, MORE)
    assert (relationship.following, relationship.requested) == (False, True)
    await one.follows.unfollow(ADA, FULL[0])
    await requests.approve(MORE, ADA)
    assert await one.following(ADA) == [*FULL[1:], MORE]


async def test_who_is_protected_no_more_drops_requests_of_those_without_room(one: World) -> None:
    requests = requests_of(one)
    await requests.protect(MORE, 1, protected=True)
    for each in (ADA, 30):
        await one.follows.follow(each, MORE)
    await one.follows.follow_many(ADA, FULL)
    while await requests.protect(MORE, 2, protected=False):
        pass
    assert await one.followers(MORE) == [30]
    assert not (await one.reads.relationship(ADA, MORE)).requested


async def test_a_follow_in_doubt_is_repeated_though_there_is_no_room(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = one.store.commit

    async def lost(change: Change, event: bytes) -> None:
        await commit(change, event)
        raise UnavailableError("the outcome is open")

    await one.follows.follow_many(ADA, FULL[:-1])
    with monkeypatch.context() as patched:
        patched.setattr(one.store, "commit", lost)
        with pytest.raises(UnavailableError):
            await one.follows.follow(ADA, FULL[-1])
    await one.follows.follow(ADA, FULL[-1])
    assert await one.following(ADA) == FULL
    await refusal(one.follows.follow(ADA, MORE))


async def test_a_place_that_a_crash_left_counts_until_it_is_old(one: World) -> None:
    if one.rows.atomic_batches:
        return  # there are no places: rows and their bounds change together
    await one.follows.follow_many(ADA, FULL[:-1])
    left = RowMutation(
        FOLLOWING.name,
        user_row_key(ADA),
        {kept_column(FULL[-1]): b""},
        timestamp_ms=one.clock.now_ms(),
    )
    await one.rows.mutate([left])
    await refusal(one.follows.follow(ADA, MORE))
    # Whoever tries again has it.
    await one.follows.follow(ADA, FULL[-1])
    await one.follows.unfollow(ADA, FULL[-1])
    await one.rows.mutate([left])
    one.clock.ms += KEPT_MS + 1
    await one.follows.follow(ADA, MORE)
    assert len(await one.following(ADA)) == MOST
