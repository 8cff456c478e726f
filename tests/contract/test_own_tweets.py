"""Authors read their own tweets while the fan-out is behind: real rows, a real Valkey."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.platform.valkey.lines import ValkeyNode
from services.timeline.ages import ACTIVE_DAYS, DAY_MS
from services.timeline.model import (
    WINDOW_IDS,
    IdRun,
)
from tests.contract.own_tweets_world import AUTHOR, FRIEND, TABLES, World
from tests.contract.row_engines import bigtable_emulator, open_rows
from tests.contract.valkey_servers import valkey_node

__all__ = ["bigtable_emulator"]


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, valkey_port: int
) -> AsyncIterator[World]:
    async with open_rows(request, tmp_path, TABLES) as rows, ValkeyNode(port=valkey_port) as valkey:
        await valkey.flushall()
        yield World(rows, valkey)


async def expect_home(world: World, expected: list[int]) -> None:
    """Cold, from the list that this fills, and paged."""
    await world.valkey.flushall()
    assert await world.home() == expected
    assert not world.hot.was_hot
    assert await world.home() == expected
    assert world.hot.was_hot
    assert await world.home(limit=2) == expected


async def test_own_tweets_stay_when_the_list_is_filled_anew(world: World) -> None:
    assert await world.home() == []
    posted = [await world.post() for _ in range(5)][::-1]
    assert await world.home() == posted
    await expect_home(world, posted)
    newest = await world.post()
    assert await world.home() == [newest, *posted]
    for each in posted:
        await world.fan_out(each)
    assert await world.home() == [newest, *posted]
    await world.fan_out(newest)
    await expect_home(world, [newest, *posted])


async def test_own_tweets_stay_between_those_of_others(world: World) -> None:
    world.graph.following = frozenset({FRIEND})
    assert await world.home() == []
    expected = []
    for _ in range(4):
        theirs = await world.post(FRIEND)
        await world.pushes.push_homes({theirs: [AUTHOR]})
        expected += [theirs, await world.post()]
    await expect_home(world, expected[::-1])


async def test_deleted_tweets_go_and_late_pushes_do_not_bring_them_back(world: World) -> None:
    assert await world.home() == []
    kept, deleted = await world.post(), await world.post()
    await world.delete(deleted)
    assert await world.home() == [kept]
    await expect_home(world, [kept])
    await world.fan_out(deleted)
    await world.fan_out(kept)
    assert await world.home() == [kept]
    await expect_home(world, [kept])


async def test_a_tweet_posted_or_deleted_while_a_list_is_filled(world: World) -> None:
    assert await world.home() == []
    first, second = await world.post(), await world.post()
    await world.valkey.flushall()
    third: list[int] = []

    async def post() -> None:
        third.append(await world.post())

    world.hot.before_store = [post(), world.delete(first)]
    await world.home()
    assert await world.home() == [*third, second]
    assert world.hot.was_hot


async def test_more_own_tweets_than_a_list_holds(world: World) -> None:
    assert await world.home() == []
    posted = [await world.post() for _ in range(WINDOW_IDS + 30)][::-1]
    assert await world.home() == posted
    await world.valkey.flushall()
    assert await world.home() == posted
    assert await world.home() == posted
    assert world.hot.was_hot is True


async def test_own_tweets_of_a_celebrity(world: World) -> None:
    assert await world.home() == []
    await world.celebrities.add(AUTHOR)
    await expect_home(world, [await world.post()])


async def test_own_tweets_below_the_floor(world: World) -> None:
    assert await world.home() == []
    oldest, newest = await world.post(), await world.post()
    await world.homes.raise_floors({AUTHOR: newest})
    await expect_home(world, [newest, oldest])
    await world.homes.raise_floors({AUTHOR: newest + 1})
    await expect_home(world, [newest, oldest])


async def test_an_author_who_was_away_posts_and_reads(world: World) -> None:
    await world.homes.begin_build(AUTHOR, world.clock.now_ms() - (ACTIVE_DAYS + 1) * DAY_MS)
    await world.homes.finish_build(AUTHOR, 0)
    before = await world.post()
    await world.fan_out(before)
    await expect_home(world, [before])
    after = await world.post()
    await expect_home(world, [after, before])


async def test_pushes_reach_one_who_was_away_from_their_first_read_on(world: World) -> None:
    """Whoever pushes may remember who reads, never who does not."""
    away = [await world.post(FRIEND) for _ in range(3)]
    await world.pushes.push_homes({each: [AUTHOR] for each in away})
    assert await world.homes.read(AUTHOR, None, 0, 9) == []
    assert await world.home() == []
    pushed = [await world.post(FRIEND) for _ in range(3)]
    await world.pushes.push_homes({each: [AUTHOR, FRIEND] for each in reversed(pushed)})
    assert await world.homes.read(AUTHOR, None, 0, 9) == pushed[::-1]
    assert await world.homes.read(FRIEND, None, 0, 9) == []


async def test_many_tweets_are_pushed_to_many_at_once(world: World) -> None:
    viewers = range(10, 40)
    for viewer in viewers[::2]:
        await world.homes.begin_build(viewer, world.clock.now_ms())
        absent = await world.hot.home(viewer, None, 9, warm=True)
        await world.hot.finish_warm_home(viewer, absent.token, IdRun((), ended=True))
    tweets = [await world.post(FRIEND) for _ in range(20)]
    batch = {tweet: [*viewers][place % 7 :] for place, tweet in enumerate(tweets)}
    for _ in range(2):
        await world.pushes.push_homes(batch)
    for viewer in viewers:
        theirs = [tweet for tweet in reversed(tweets) if viewer in batch[tweet]]
        active = viewer in viewers[::2]
        assert await world.homes.read(viewer, None, 0, 99) == (theirs if active else [])
        hot = (await world.hot.home(viewer, None, 99)).run
        assert hot == (IdRun(tuple(theirs), ended=True) if active else None)
    await world.pushes.push_homes({})
    await world.pushes.push_authors({})


async def test_reading_a_hot_list_does_not_lengthen_its_life(world: World) -> None:
    """Visits are noted when a list is filled: who reads daily must come by, or counts as away."""
    await world.home()
    (key,) = await world.valkey.keys("home:*")
    await world.valkey.pexpire(key, 100_000)
    await world.home()
    assert world.hot.was_hot
    assert await world.valkey.pttl(key) <= 100_000
