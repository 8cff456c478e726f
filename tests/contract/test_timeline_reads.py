"""One read of a timeline: what it asks of the stores, and where a rule or a stage is added."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.paging import MAX_LIMIT
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline.author_runs import WARMED_AT_ONCE
from services.timeline.backfill import PER_AUTHOR
from services.timeline.hot_lists import HotLists
from services.timeline.hydration import Hydration
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.model import WINDOW_IDS, EncodedTweet, View, ViewerRelations
from services.timeline.page import Page
from services.timeline.rules import RULES
from services.timeline.service import TimelineService
from services.timeline.spec import TABLES, VIEWERS
from tests.contract.timeline_reads_world import ADA, BOB, EVE, LIMIT, MUTED, NEWEST, VIEWER, World
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port
from tests.sights import open_seeing


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[SqliteRowStore]:
    store = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def valkey(valkey_port: int) -> AsyncIterator[ValkeyNode]:
    async with ValkeyNode(port=valkey_port) as client:
        await client.flushall()
        yield client


@pytest.fixture
def world(rows: SqliteRowStore, valkey: ValkeyNode) -> World:
    return World(rows, valkey)


def falling(first: int, count: int, step: int = 1) -> list[int]:
    return list(range(first, first - count * step, -step))


def ids(page: Page) -> list[int]:
    return [tweet.tweet_id for tweet in page.tweets]


async def whole_home(world: World, limit: int = LIMIT) -> list[int]:
    found: list[int] = []
    page = await world.service.home(VIEWER, None, limit)
    while True:
        found += ids(page)
        if page.next_before is None:
            return found
        page = await world.service.home(VIEWER, page.next_before, limit)


async def test_a_read_looks_up_the_viewers_state_once_or_never(world: World) -> None:
    window = falling(NEWEST, WINDOW_IDS)
    hidden = falling(window[-1] - 1, 6 * LIMIT)
    oldest = falling(hidden[-1] - 1, LIMIT + 1)
    world.tweets = {ADA: [*window, *oldest], MUTED: hidden}

    for cold in ("never read before", "read before, and no list"):
        page, calls = await world.counted(None)
        assert ids(page) == window[:LIMIT], cold
        assert calls["read", VIEWERS.name] == 1, cold
        await world.hot.forget_home(VIEWER)
    await world.counted(None)

    page, calls = await world.counted(None)
    assert ids(page) == window[:LIMIT]
    assert calls["read", VIEWERS.name] == calls["scan", "home"] == 0
    assert (world.calls, world.hot.looks) == (Counter(), 1)

    page, calls = await world.counted(window[-1])
    assert ids(page) == oldest[:LIMIT]
    assert world.hot.looks > 2, "a page below so many hidden tweets takes several rounds"
    assert calls["read", VIEWERS.name] == 1
    assert world.calls["fetch"] == 0


@pytest.fixture
async def nobody() -> AsyncIterator[ValkeyNode]:
    """A client of a cache that is gone."""
    async with ValkeyNode(port=free_port(), retry=Retry(NoBackoff(), 0)) as client:
        yield client


async def test_without_the_cache_relations_are_fetched_once_a_read(
    world: World, rows: SqliteRowStore, nobody: ValkeyNode
) -> None:
    window = falling(NEWEST, WINDOW_IDS)
    hidden = falling(window[-1] - 1, 6 * LIMIT)
    tweets = {ADA: [*window, *falling(hidden[-1] - 1, LIMIT + 1)], MUTED: hidden}
    world = World(rows, nobody)
    world.tweets = tweets
    for before, rounds in ((None, 1), (None, 1), (window[-1], 3)):
        page, calls = await world.counted(before)
        assert len(page.tweets) == LIMIT
        assert world.hot.looks >= rounds
        assert world.calls["fetch"] == 1, "also where the timeline is built, and in many rounds"
        assert calls["read", VIEWERS.name] == 1


async def test_a_cache_lost_in_the_middle_of_a_read_fetches_nothing_again(
    rows: SqliteRowStore, valkey: ValkeyNode, nobody: ValkeyNode
) -> None:
    world = World(rows, valkey, relations=nobody)
    world.tweets = {ADA: falling(NEWEST, WINDOW_IDS)}
    await world.counted(None)
    page, _ = await world.counted(None)
    assert ids(page) == world.tweets[ADA][:LIMIT]
    assert world.calls == {"fetch": 1}, "what was fetched is not lost with the cache"


async def test_a_first_read_fetches_relations_for_itself_and_for_its_list(world: World) -> None:
    world.tweets = {ADA: falling(NEWEST, WINDOW_IDS)}
    await world.counted(None)
    assert world.calls["fetch"] == 2
    await world.counted(None)
    assert world.calls["fetch"] == 0


async def test_a_cold_read_fetches_relations_once_for_itself_and_for_its_list(
    world: World, valkey: ValkeyNode
) -> None:
    world.tweets = {ADA: falling(NEWEST, WINDOW_IDS)}
    await world.counted(None)
    await valkey.flushall()
    page, calls = await world.counted(None)
    assert ids(page) == world.tweets[ADA][:LIMIT]
    assert (world.calls["fetch"], calls["read", VIEWERS.name]) == (1, 1)
    page, calls = await world.counted(None)
    assert (ids(page), world.calls["fetch"]) == (world.tweets[ADA][:LIMIT], 0)
    assert calls["scan", "home"] == 0, "the list is filled by one read"


async def test_many_who_miss_the_same_list_wait_for_one_who_fills_it(
    world: World, valkey: ValkeyNode
) -> None:
    world.tweets = {ADA: falling(NEWEST - 1, WINDOW_IDS), VIEWER: []}
    await world.counted(None)
    await valkey.flushall()
    world.rows.calls.clear()
    world.calls.clear()
    reading, posted = asyncio.Event(), asyncio.Event()
    listing = world.list_by_authors

    async def slowly(*asked: Any) -> dict[int, list[int]]:
        found = await listing(*asked)
        reading.set()
        await posted.wait()
        return found

    world.sources.authors.list_by_authors = slowly  # type: ignore[method-assign]
    first = asyncio.create_task(world.service.home(VIEWER, None, LIMIT))
    await reading.wait()
    # As a post does: the tweet is durable, then in its author's hot lists, then answered.
    world.tweets[VIEWER] = [NEWEST]
    await HotLists(valkey).push([home_list_key(VIEWER)], NEWEST)
    looks = world.hot.ended
    others = [asyncio.create_task(world.service.home(VIEWER, None, LIMIT)) for _ in range(9)]
    while world.hot.ended < looks + len(others):  # noqa: ASYNC110 - a number, not an event
        await asyncio.sleep(0)
    posted.set()
    assert ids(await first) == world.tweets[ADA][:LIMIT]
    for page in await asyncio.gather(*others):
        assert ids(page) == [NEWEST, *world.tweets[ADA][: LIMIT - 1]], "posted before it asked"
    assert world.calls == {"fetch": 1, "list": 1}
    assert world.rows.calls["read", VIEWERS.name] == world.rows.calls["scan", "home"] == 1


async def test_celebrities_that_are_cold_are_listed_once_in_few_calls(
    world: World, valkey: ValkeyNode
) -> None:
    stars = range(100, 100 + WARMED_AT_ONCE + 20)
    world.relations = ViewerRelations(frozenset({ADA, *stars}))
    world.tweets = {ADA: falling(NEWEST, LIMIT)}
    for star in stars:
        world.tweets[star] = falling(NEWEST - star, WINDOW_IDS + 10, step=1_000)
        await world.celebrities.add(star)
    everything = sorted((one for each in world.tweets.values() for one in each), reverse=True)
    await world.counted(None)

    await valkey.delete(*(author_list_key(star) for star in stars))
    page, _ = await world.counted(None)
    assert ids(page) == everything[:LIMIT]
    assert world.listed == dict.fromkeys(stars, 1)
    assert world.calls == {"list": 2}, "one to fill lists, one for those that are too many"

    page, _ = await world.counted(None)
    assert ids(page) == everything[:LIMIT]
    assert world.listed == dict.fromkeys(stars[WARMED_AT_ONCE:], 1)
    await world.counted(None)
    assert world.calls == {}

    await valkey.delete(author_list_key(stars[0]))
    page, _ = await world.counted(everything[LIMIT])
    assert ids(page) == everything[LIMIT + 1 : 2 * LIMIT + 1]
    assert world.listed == {stars[0]: 1}, "also a page further down comes from what fills the list"
    assert await whole_home(world, MAX_LIMIT) == everything


async def test_celebrities_lists_are_read_when_they_were_changed(
    world: World, valkey: ValkeyNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stars = list(range(100, 150))
    world.relations = ViewerRelations(frozenset({ADA, *stars}))
    world.tweets = {ADA: falling(NEWEST - 10_000, LIMIT)}
    for star in stars:
        world.tweets[star] = [NEWEST - star]
        await world.celebrities.add(star)
    read: list[bytes] = []
    reading = HotLists.read_watched

    async def counted(lists: HotLists, keys: Sequence[bytes], *what: Any) -> Any:
        read.extend(keys)
        return await reading(lists, keys, *what)

    monkeypatch.setattr(HotLists, "read_watched", counted)
    for _ in range(3):
        await world.counted(None)
    read.clear()
    for _ in range(3):
        page, _ = await world.counted(None)
        assert ids(page) == [NEWEST - star for star in stars]
    assert read == []

    key, posted = author_list_key(stars[7]), NEWEST + 1
    world.tweets[stars[7]].insert(0, posted)
    await HotLists(valkey).push([key], posted)
    page, _ = await world.counted(None)
    assert (ids(page)[:2], read) == ([posted, NEWEST - stars[0]], [key])
    world.tweets[stars[7]].remove(posted)
    await HotLists(valkey).remove(key, posted)
    page, _ = await world.counted(None)
    assert (ids(page), read) == ([NEWEST - star for star in stars], [key, key])


async def test_a_list_is_filled_by_no_older_floor_than_its_own(world: World) -> None:
    """A follow between two rounds raises the floor, and drops the list that the second misses."""
    window = falling(NEWEST, WINDOW_IDS, step=8)
    hidden = falling(window[-1] - 1, 3 * LIMIT)
    world.tweets = {ADA: [*window, *falling(hidden[-1] - 1, 2 * LIMIT)], MUTED: hidden}
    for author, offset in ((BOB, 1), (EVE, 3)):
        world.tweets[author] = falling(NEWEST - offset, PER_AUTHOR + LIMIT, step=4)
    await world.counted(None)
    world.hot.before_second = lambda: world.follow(BOB, EVE)
    await world.counted(window[-1])
    assert world.hot.looks > 1
    shown = (*world.tweets[ADA], *world.tweets[BOB], *world.tweets[EVE])
    assert await whole_home(world) == sorted(shown, reverse=True)


async def test_a_rule_and_a_stage_are_a_function_each(world: World) -> None:
    world.tweets = {ADA: falling(NEWEST, 3 * LIMIT)}

    def even(tweets: list[EncodedTweet], _view: View) -> list[EncodedTweet]:
        return [tweet for tweet in tweets if tweet.tweet_id % 2 == 0]

    async def with_counts(tweets: list[EncodedTweet], _view: View) -> list[EncodedTweet]:
        return [replace(tweet, body=tweet.body + b" counts") for tweet in tweets]

    service = TimelineService(
        world.sources, Hydration(world, [with_counts]), open_seeing(), (*RULES, even)
    )

    for page in (
        await service.home(VIEWER, None, LIMIT),
        await service.user(ADA, VIEWER, None, LIMIT),
    ):
        assert ids(page) == [one for one in world.tweets[ADA] if one % 2 == 0][:LIMIT]
        assert {tweet.body for tweet in page.tweets} == {b"body counts"}
        assert page.next_before == page.tweets[-1].tweet_id
