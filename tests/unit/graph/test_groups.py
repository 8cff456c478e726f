"""Changes that wait together are made together, and each has its own outcome."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest

from services.graph.model import Change, Commit, FollowerPage
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.deadlines import deadline_in
from tests.unit.graph.world import World

FOLLOWERS = range(2, 42)


def counting(
    monkeypatch: pytest.MonkeyPatch, world: World, *names: str
) -> Callable[[], dict[str, int]]:
    """Count calls of the rows."""
    calls = dict.fromkeys(names, 0)

    def counted(name: str) -> Callable[..., Any]:
        method = getattr(world.rows, name)

        def call(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return method(*arguments, **named)

        return call

    for name in names:
        monkeypatch.setattr(world.rows, name, counted(name))
    return lambda: dict(calls)


def looking_slowly(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> tuple[asyncio.Event, asyncio.Event]:
    """Have looks at edges wait: (one has begun, they may go on)."""
    states = world.store.states
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def look_slowly(edges: Collection[Any], deciding: Collection[Any] = ()) -> Any:
        begun.set()
        await let_go.wait()
        return await states(edges, deciding)

    monkeypatch.setattr(world.store, "states", look_slowly)
    return begun, let_go


async def test_those_that_wait_share_a_read_and_a_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counting(
        monkeypatch,
        world,
        "read_cells",
        "read_rows",
        "mutate",
        "mutate_counted",
        "increment",
        "set_cells",
    )
    await asyncio.gather(*(world.follows.follow(one, 1) for one in FOLLOWERS))
    assert calls() == {
        "read_cells": 1,
        # Who is protected.
        "read_rows": 1,
        "mutate": 0,
        "mutate_counted": 1,
        "increment": 0,
        "set_cells": 0,
    }
    assert await world.followers(1) == list(FOLLOWERS)
    assert await world.count(1) == len(FOLLOWERS)
    assert world.forgotten == [set(FOLLOWERS)]
    assert await world.events() == [[one, 1, True] for one in FOLLOWERS]


async def test_so_do_many_follows_of_one_user(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counting(monkeypatch, world, "read_cells", "mutate_counted")
    await asyncio.gather(*(world.follows.follow(1, one) for one in FOLLOWERS))
    assert calls() == {"read_cells": 1, "mutate_counted": 1}
    assert await world.following(1) == list(FOLLOWERS)
    assert [await world.count(one) for one in FOLLOWERS] == [1] * len(FOLLOWERS)


async def test_one_that_is_refused_spoils_no_other(world: World) -> None:
    await world.blocks.block(1, 7)
    answers = await asyncio.gather(
        *(world.follows.follow(one, 1) for one in FOLLOWERS), return_exceptions=True
    )
    refused = [one for one, answer in zip(FOLLOWERS, answers, strict=True) if answer is not False]
    assert refused == [7]
    assert isinstance(answers[5], PermissionDeniedError)
    assert await world.followers(1) == [one for one in FOLLOWERS if one != 7]
    assert await world.count(1) == len(FOLLOWERS) - 1


async def test_all_of_a_group_that_fails_are_told_so_and_may_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it took effect, and only the answer was lost."""
    commit_all = world.store.commit_all

    async def fail(commits: Sequence[Commit]) -> None:
        await commit_all(commits)
        raise UnavailableError("the outcome is open")

    await world.follows.follow(2, 1)
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "commit_all", fail)
        answers = await asyncio.gather(
            *(world.follows.follow(one, 1) for one in FOLLOWERS), return_exceptions=True
        )
    # The first had nothing to do.
    assert answers[0] is False
    assert all(isinstance(answer, UnavailableError) for answer in answers[1:])
    assert len({id(answer) for answer in answers}) == len(answers)
    await asyncio.gather(*(world.follows.follow(one, 1) for one in FOLLOWERS))
    assert await world.followers(1) == list(FOLLOWERS)
    assert await world.count(1) == len(FOLLOWERS)


async def test_changes_of_one_edge_follow_each_other(world: World) -> None:
    uses = [world.follows.follow, world.follows.unfollow, world.follows.follow]
    await asyncio.gather(
        *(use(1, 2) for use in uses),
        world.follows.follow(1, 3),
        world.follows.follow_many(1, [2, 3, *range(5, 40)]),
        world.follows.unfollow(1, 2),
        world.follows.unfollow(1, 5),
    )
    assert await world.following(1) == [3, *range(6, 40)]
    assert [await world.count(one) for one in (2, 3, 5, 6)] == [0, 1, 0, 1]


@pytest.mark.parametrize("first", ["follow", "block"])
async def test_a_follow_and_a_block_that_come_together(world: World, first: str) -> None:
    uses = [world.follows.follow(2, 1), world.blocks.block(1, 2)]
    if first == "block":
        uses.reverse()
    answers = await asyncio.gather(
        *uses,
        *(world.follows.follow(one, 1) for one in range(3, 10)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == (
        [] if first == "follow" else [PermissionDeniedError]
    )
    assert await world.hidden(1) == [2]
    assert await world.followers(1) == list(range(3, 10))
    assert await world.count(1) == 7


async def test_others_go_on_beside_a_large_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.store.commit
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def commit_slowly(change: Change, event: bytes) -> None:
        if len(change.edges) > 1:
            begun.set()
            await let_go.wait()
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", commit_slowly)
    large = asyncio.create_task(world.follows.follow_many(1, list(range(2, 42))))
    await begun.wait()
    # Of the same user, but of another edge.
    await world.follows.follow(1, 45)
    waiting = asyncio.create_task(world.follows.unfollow(1, 2))
    assert not large.done()
    let_go.set()
    await asyncio.gather(large, waiting)
    assert await world.following(1) == [*range(3, 42), 45]


async def test_a_group_that_hangs_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But those of its own edges, which follow once it has ended."""
    monkeypatch.setattr("services.graph.changes.LINGER_S", 0.01)
    states = world.store.states
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def hang_once(edges: Collection[Any], deciding: Collection[Any] = ()) -> Any:
        if not begun.is_set():
            begun.set()
            await let_go.wait()
        return await states(edges, deciding)

    monkeypatch.setattr(world.store, "states", hang_once)
    hanging = asyncio.create_task(world.follows.follow(2, 1))
    await begun.wait()
    small = asyncio.create_task(world.follows.unfollow(2, 1))
    large = asyncio.create_task(world.follows.follow_many(2, [1, *range(5, 40)]))
    with deadline_in(10):
        await world.follows.follow(3, 1)
    assert not hanging.done()
    assert not small.done()
    assert not large.done()
    let_go.set()
    await asyncio.gather(hanging, small, large)
    assert await world.followers(1) == [2, 3]
    assert await world.events() == [
        [3, 1, True],
        [2, 1, True],
        [2, 1, False],
        ["added", 2, [1, *range(5, 40)]],
    ]


async def test_who_has_given_up_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go = looking_slowly(monkeypatch, world)
    first = asyncio.create_task(world.follows.follow(2, 1))
    await begun.wait()
    with deadline_in(0.05), pytest.raises(UnavailableError):
        await world.follows.follow(3, 1)
    let_go.set()
    await first
    await world.follows.follow(4, 1)
    assert await world.followers(1) == [2, 4]


async def test_who_gives_up_before_the_commit_is_left_out_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure waits no longer for a follow than the follow's own request does."""
    begun, let_go = looking_slowly(monkeypatch, world)
    uses = [asyncio.create_task(world.follows.follow(one, 1)) for one in (2, 3, 4)]
    await begun.wait()
    uses[0].cancel()
    await asyncio.wait(uses[:1])
    let_go.set()
    await asyncio.gather(*uses[1:])
    assert await world.followers(1) == [3, 4]
    assert await world.events() == [[3, 1, True], [4, 1, True]]
    await world.follows.follow(2, 1)
    assert await world.followers(1) == [2, 3, 4]


@pytest.mark.parametrize("atomic", [True, False])
async def test_a_change_of_two_processes_at_once_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch, *, atomic: bool
) -> None:
    """Where rows and counters change together; elsewhere who reads all followers puts it right."""
    if not atomic:
        monkeypatch.setattr(SqliteRowStore, "atomic_batches", property(lambda _rows: False))
    other = World(world.rows, world.clock, world.ids)
    commit = world.store.commit

    async def behind(change: Change, event: bytes) -> None:
        await other.follows.follow(2, 1)
        await commit(change, event)

    monkeypatch.setattr(world.store, "commit", behind)
    await world.follows.follow(2, 1)
    if not atomic:
        assert await world.pages(1, 10) == [FollowerPage((), (2,))]
    assert await world.count(1) == 1
