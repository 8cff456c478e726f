"""Pages of what is newer than a page, of home and user timelines: real rows, a real Valkey."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline.hot_lists import HotLists
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.model import WINDOW_IDS
from services.timeline.page import Page
from services.timeline.spec import TABLES
from tests.contract.timeline_reads_world import ADA, BOB, LIMIT, MUTED, NEWEST, VIEWER, World
from tests.contract.valkey_servers import valkey_node


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture
async def world(tmp_path: Path, valkey_port: int) -> AsyncIterator[World]:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await rows.open()
    async with ValkeyNode(port=valkey_port) as valkey:
        await valkey.flushall()
        yield World(rows, valkey)
    await rows.close()


def ids(page: Page) -> list[int]:
    return [tweet.tweet_id for tweet in page.tweets]


async def read(world: World, kind: str, limit: int, **at: Any) -> Page:
    before, since = at.pop("before", None), at.pop("since", 0)
    if kind == "home":
        return await world.service.home(VIEWER, before, limit, since, **at)
    return await world.service.user(ADA, VIEWER, before, limit, since, **at)


async def forward(world: World, kind: str, limit: int) -> list[Page]:
    pages = [await read(world, kind, limit)]
    while pages[-1].next_before is not None:
        pages.append(await read(world, kind, limit, before=pages[-1].next_before))
    return pages


async def backward(world: World, kind: str, limit: int, page: Page) -> list[Page]:
    """All pages above one, the newest first: full ones, one that may not be, and an empty one."""
    pages = [page]
    while pages[0].tweets:
        pages.insert(0, await read(world, kind, limit, after=pages[0].previous_after))
    assert pages[0].previous_after == pages[1].previous_after, "it can be asked again"
    assert all(len(each.tweets) == limit for each in pages[2:-1])
    return pages[1:-1]


@pytest.mark.parametrize("kind", ["home", "user"])
@pytest.mark.parametrize("cold", [False, True])
async def test_the_way_back_is_the_way_there(world: World, kind: str, *, cold: bool) -> None:
    """Over many days, further down than memory and the persistent timeline reach."""
    day = 86_400_000 << 22
    everything = [NEWEST - n * 7 - n // 40 * day for n in range(WINDOW_IDS + 5 * LIMIT)]
    hidden = [one - 1 for one in everything[::3]]
    world.tweets = {ADA: everything, MUTED: hidden}
    there = await forward(world, kind, LIMIT)
    assert [one for page in there for one in ids(page)] == everything
    for start in (1, 3, len(there) - 1):
        if cold:
            await world.valkey.flushall()
        back = await backward(world, kind, LIMIT, there[start])
        assert list(map(ids, back)) == list(map(ids, there[:start]))
        for page, below in zip(back, there[1 : start + 1], strict=True):
            again = await read(world, kind, LIMIT, before=page.next_before)
            assert ids(again) == ids(below), "and from each page on down"


async def test_a_page_back_is_of_the_next_newer_ones(world: World) -> None:
    world.tweets = {ADA: list(range(NEWEST, NEWEST - 4 * LIMIT, -1))}
    page = await read(world, "home", LIMIT, before=NEWEST - 3 * LIMIT)
    page = await read(world, "home", 10, after=page.previous_after)
    assert ids(page) == list(range(NEWEST - 3 * LIMIT + 9, NEWEST - 3 * LIMIT - 1, -1))


@pytest.mark.parametrize("kind", ["home", "user"])
async def test_an_empty_page_can_be_asked_again(world: World, kind: str) -> None:
    world.tweets = {ADA: []}
    page = await read(world, kind, LIMIT)
    assert (ids(page), page.next_before) == ([], None)
    for number in range(1, 4):
        page = await read(world, kind, LIMIT, after=page.previous_after)
        assert ids(page) == []
        await post(world, NEWEST + number)
        page = await read(world, kind, LIMIT, after=page.previous_after)
        assert ids(page) == [NEWEST + number]
    page = await read(world, kind, LIMIT, after=page.previous_after)
    older = await read(world, kind, LIMIT, before=page.next_before)
    assert (ids(page), ids(older)) == ([], [NEWEST + 3, NEWEST + 2, NEWEST + 1])


async def post(world: World, tweet_id: int) -> None:
    """As a post does: the tweet is durable, then in the lists that there are."""
    world.tweets[ADA].insert(0, tweet_id)
    await world.sources.homes.add(VIEWER, [tweet_id])
    lists = HotLists(world.valkey)
    await lists.push([home_list_key(VIEWER), author_list_key(ADA)], tweet_id)


@pytest.mark.parametrize("kind", ["home", "user"])
async def test_what_was_deleted_between_is_not_missed(world: World, kind: str) -> None:
    world.tweets = {ADA: list(range(NEWEST, NEWEST - 6 * LIMIT, -1))}
    there = await forward(world, kind, LIMIT)
    gone = {*ids(there[4]), *ids(there[2])[::2], ids(there[3])[0], ids(there[5])[0]}
    left = [one for one in world.tweets[ADA] if one not in gone]
    for one in gone:
        world.tweets[ADA].remove(one)
    page = await read(world, kind, LIMIT, after=there[5].previous_after)
    assert ids(page) == [one for one in left if one > ids(there[5])[0]][-LIMIT:]
    back = await backward(world, kind, LIMIT, there[5])
    assert [one for page in back for one in ids(page)] == [o for o in left if o > ids(there[5])[0]]


async def test_pages_that_go_back_end_at_since(world: World) -> None:
    world.tweets = {ADA: list(range(NEWEST, NEWEST - 3 * LIMIT, -1))}
    since = NEWEST - LIMIT
    for at in ({"after": 0}, {"after": NEWEST - 2 * LIMIT}, {"after": since}):
        page = await read(world, "home", LIMIT, since=since, **at)
        assert ids(page) == world.tweets[ADA][:LIMIT]
        assert page.next_before is None
    page = await read(world, "home", 10, since=since, after=since + 5)
    assert ids(page) == list(range(since + 15, since + 5, -1))
    assert page.next_before == since + 6


async def test_what_is_new_costs_what_a_page_does(world: World) -> None:
    world.tweets = {ADA: list(range(NEWEST, NEWEST - WINDOW_IDS, -1))}
    await read(world, "home", LIMIT)
    page, calls = await world.counted(None)
    assert (world.calls, world.hot.looks) == ({}, 1)
    world.hot.looks = 0
    world.rows.calls.clear()
    page = await read(world, "home", LIMIT, after=page.previous_after)
    assert (ids(page), world.calls, world.hot.looks) == ([], {}, 1)
    assert not calls["scan", "home"]


async def test_celebrities_stand_among_others_on_the_way_back(world: World) -> None:
    world.tweets = {
        ADA: list(range(NEWEST, NEWEST - 900, -3)),
        BOB: list(range(NEWEST - 1, NEWEST - 1_800, -6)),
    }
    await world.celebrities.add(BOB)
    await world.follow(BOB)
    there = await forward(world, "home", LIMIT)
    back = await backward(world, "home", LIMIT, there[-1])
    assert list(map(ids, back)) == list(map(ids, there[:-1]))
