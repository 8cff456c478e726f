import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from services.clock import SystemClock
from services.errors import InvalidArgumentError, NotFoundError, UnavailableError
from services.graph.model import EdgeChange, FollowerPage, RelationCounts
from services.graph.service import GraphService
from services.storage.graph import TABLES, RowGraphStore
from services.storage.outbox import OUTBOX_TABLE, Outbox, OutboxEntry
from services.storage.sqlite.rows import SqliteRowStore

USERS = 50


class TickingIds:
    """Snowflakes, each one `step` milliseconds after the one before."""

    def __init__(self) -> None:
        self._ms = 1_000
        self.step = 1

    async def next_id(self) -> int:
        self._ms += self.step
        return self._ms << 22


class FewUsers:
    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in user_ids if user_id > USERS]


class JsonEvents:
    def encode(self, follower: int, followee: int, following: bool) -> bytes:  # noqa: FBT001
        return json.dumps([follower, followee, following]).encode()


@dataclass
class World:
    service: GraphService
    store: RowGraphStore
    outbox: Outbox
    ids: TickingIds

    async def entries(self) -> list[OutboxEntry]:
        pending = await self.outbox.pending(-60_000, 1_600)
        return sorted(pending, key=lambda entry: entry.id)

    async def events(self) -> list[list[object]]:
        return [json.loads(entry.data) for entry in await self.entries()]

    async def pages(self, user_id: int, page_size: int) -> list[FollowerPage]:
        return [page async for page in self.service.stream_followers(user_id, page_size)]

    async def count(self, user_id: int) -> int:
        return (await self.service.counts([user_id]))[0].followers


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SystemClock()
    rows = SqliteRowStore(tmp_path / "rows.db", (*TABLES, OUTBOX_TABLE), clock)
    await rows.open()
    outbox = Outbox(rows, clock)
    store = RowGraphStore(rows, outbox)
    ids = TickingIds()
    service = GraphService(store, FewUsers(), ids, JsonEvents())
    yield World(service, store, outbox, ids)
    await rows.close()


async def test_following_twice_is_one_event_and_one_follower(world: World) -> None:
    await world.service.follow(1, 2)
    await world.service.follow(1, 2)
    assert await world.events() == [[1, 2, True]]
    assert [entry.topic for entry in await world.entries()] == ["graph-events"]
    assert await world.service.relations(1) == [2]
    assert await world.count(2) == 1


async def test_concurrent_follows_of_one_edge_are_one_event(world: World) -> None:
    await asyncio.gather(*(world.service.follow(1, 2) for _ in range(20)))
    assert await world.events() == [[1, 2, True]]
    assert await world.count(2) == 1


@pytest.mark.parametrize("step", [0, 1])
async def test_follow_unfollow_follow_ends_following(world: World, step: int) -> None:
    await world.service.follow(1, 2)
    world.ids.step = step
    await world.service.unfollow(1, 2)
    assert await world.service.relations(1) == []
    assert await world.pages(2, 10) == []
    assert await world.count(2) == 0
    world.ids.step = 1
    await world.service.follow(1, 2)
    assert await world.service.relations(1) == [2]
    assert await world.pages(2, 10) == [FollowerPage((), (1,))]
    assert await world.count(2) == 1
    assert (await world.events())[-1] == [1, 2, True]


async def test_unfollowing_a_stranger_changes_nothing(world: World) -> None:
    await world.service.unfollow(1, 2)
    await world.service.unfollow(1, 999)
    assert await world.events() == []
    assert await world.count(2) == 0


@pytest.mark.parametrize(("follower", "followee", "named"), [(1, 99, 99), (98, 2, 98)])
async def test_unknown_users_are_named(
    world: World, follower: int, followee: int, named: int
) -> None:
    with pytest.raises(NotFoundError, match=f"user {named} ") as caught:
        await world.service.follow(follower, followee)
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
        await world.service.follow(follower, followee)
    assert caught.value.field == field


async def test_relations_are_sorted(world: World) -> None:
    for followee in (30, 4, 17):
        await world.service.follow(1, followee)
    assert await world.service.relations(1) == [4, 17, 30]


async def test_followers_come_in_pages_close_friends_apart(world: World) -> None:
    for follower in range(2, 12):
        await world.service.follow(follower, 1)
    for followee in (3, 7, 40):
        await world.service.follow(1, followee)
    await world.service.unfollow(5, 1)
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
    await world.service.follow(2, 1)
    await world.service.follow(3, 1)
    await world.store.add_to_follower_count(1, drift)
    assert await world.count(1) == max(0, 2 + drift)
    await world.pages(1, 1)
    assert await world.count(1) == 2
    await world.service.follow(4, 1)
    assert await world.count(1) == 3


async def test_a_count_that_moves_during_the_stream_is_left_alone(world: World) -> None:
    await world.service.follow(2, 1)
    await world.store.add_to_follower_count(1, 5)
    async for _ in world.service.stream_followers(1, 1):
        await world.service.follow(3, 1)
    assert await world.count(1) == 7
    await world.pages(1, 10)
    assert await world.count(1) == 2


async def test_a_lost_increment_does_not_fail_the_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(user_id: int, delta: int) -> None:
        raise UnavailableError(f"no counter for {user_id} {delta:+}")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "add_to_follower_count", fail)
        await world.service.follow(2, 1)
    assert await world.count(1) == 0
    await world.pages(1, 10)
    assert await world.count(1) == 1


async def test_counts_answer_in_the_order_asked(world: World) -> None:
    await world.service.follow(1, 2)
    assert await world.service.counts([3, 2, 3]) == [
        RelationCounts(3, 0),
        RelationCounts(2, 1),
        RelationCounts(3, 0),
    ]
    with pytest.raises(InvalidArgumentError):
        await world.service.counts([])


async def test_an_unfollow_beats_a_follow_that_failed_but_takes_effect_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[tuple[EdgeChange, bytes]] = []

    async def fail(change: EdgeChange, event: bytes) -> None:
        late.append((change, event))
        raise UnavailableError("the outcome is open")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "commit", fail)
        with pytest.raises(UnavailableError):
            await world.service.follow(1, 2)
    await world.service.unfollow(1, 2)
    await world.store.commit(*late[0])
    assert await world.service.relations(1) == []
    assert await world.pages(2, 10) == []
    assert await world.count(2) == 0


async def test_an_unfollow_waits_for_the_follow_its_caller_gave_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.store.commit
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def commit_slowly(change: EdgeChange, event: bytes) -> None:
        begun.set()
        await let_go.wait()
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", commit_slowly)
    following = asyncio.create_task(world.service.follow(1, 2))
    await begun.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    unfollowing = asyncio.create_task(world.service.unfollow(1, 2))
    let_go.set()
    await unfollowing
    assert await world.service.relations(1) == []
    assert await world.events() == [[1, 2, True], [1, 2, False]]
