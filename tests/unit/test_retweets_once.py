"""Home timelines with retweets against a ten-line model: one tweet once, however it is paged."""

import asyncio
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from services.timeline.model import MOST_IDS, ROUND_IDS, WINDOW_IDS
from services.timeline.page import PAGE_BYTES, Page
from services.timeline.retweets import MAX_RETWEETERS
from services.timeline.skeleton import SPARE_IDS, WARM_IDS
from tests.unit.retweets_world import AUTHORS, OWNER, RETWEETS, STRANGER, World, made, model


async def pages(world: World, limit: int, more: Iterable[tuple[int, int]] = ()) -> list[Page]:
    """Read to the end; before each further page somebody retweets."""
    found = [await world.read(None, 0, limit)]
    more = iter(more)
    while (before := found[-1].next_before) is not None:
        if (retweet := next(more, None)) is not None:
            world.retweets[max(world.tweets.keys() | world.retweets.keys()) + 1] = retweet
        found.append(await world.read(before, found[-1].first_retweet, limit))
    return found


def ids(found: Iterable[Page]) -> list[int]:
    return [tweet.tweet_id for page in found for tweet in page.tweets]


@settings(max_examples=300, deadline=None)
@given(authors=AUTHORS, retweets=RETWEETS, limit=st.integers(1, 6))
def test_a_timeline_is_what_the_model_says(
    authors: list[int], retweets: list[tuple[int, int]], limit: int
) -> None:
    world = made(authors, retweets)
    expected = model(world)
    found = asyncio.run(pages(world, limit))
    assert ids(found) == [tweet for tweet, _ in expected]
    assert all(len(page.tweets) == limit for page in found[:-1])
    whole = asyncio.run(world.read(None, 0, 50))
    assert [(each, list(whole.retweeters.get(each, ()))) for each in ids([whole])] == expected


@settings(max_examples=200, deadline=None)
@given(authors=AUTHORS, retweets=RETWEETS, more=RETWEETS, limit=st.integers(1, 4))
def test_what_is_retweeted_while_somebody_reads_moves_nothing(
    authors: list[int],
    retweets: list[tuple[int, int]],
    more: list[tuple[int, int]],
    limit: int,
) -> None:
    world = made(authors, retweets)
    expected = [tweet for tweet, _ in model(world)]
    known = set(world.retweets.values())
    new = dict.fromkeys((user, 1 + which % len(authors)) for user, which in more)
    found = asyncio.run(pages(world, limit, [each for each in new if each not in known]))
    assert ids(found) == expected


async def test_a_plain_timeline_is_read_as_often_as_it_has_pages() -> None:
    world = World(dict.fromkeys(range(1, 31), 2))
    assert len(await pages(world, 10)) == 3
    assert world.reads == 3
    assert all(not page.first_retweet for page in await pages(world, 10))


async def test_few_of_many_who_retweeted_are_named() -> None:
    world = World({1: STRANGER})
    world.retweets = {10 + n: (OWNER + n % 4, 1) for n in range(4 * MAX_RETWEETERS)}
    page = await world.read(None, 0, 5)
    assert ids([page]) == [1]
    assert page.retweeters[1] == (4, 3, 2, 1)


async def test_a_look_above_a_page_goes_no_deeper_than_memory_has_ids() -> None:
    """For pages that memory has too: what lies below costs calls."""
    world = World(dict.fromkeys(range(1, 1_000), 2) | {1_000: STRANGER})
    world.retweets = {1_001: (2, 1_000), **dict.fromkeys(range(810, 1000, 20), (3, 1000))}
    for each in world.retweets.keys() & world.tweets.keys():
        del world.tweets[each]
    page = await world.read(None, 0, 50)
    for _ in range(2):
        world.deepest = 0
        page = await world.read(page.next_before, page.first_retweet, 50)
        last = sum(one >= page.tweets[-1].entry_id for one in world.ids())
        assert last < WARM_IDS
        assert world.deepest < WARM_IDS - SPARE_IDS


async def test_far_below_the_first_retweet_there_are_none() -> None:
    depth = WINDOW_IDS + 300
    world = World({1: STRANGER, 2: STRANGER, **dict.fromkeys(range(10, depth), 2)})
    world.retweets = {depth: (2, 1), 3: (3, 1), 4: (3, 2), depth - 20: (3, 2)}
    del world.tweets[depth - 20]
    found = ids(await pages(world, 50))
    assert found[0] == 1
    assert sorted(found) == sorted(set(found)), "none twice"
    assert found.count(2) == 1


async def test_a_read_among_what_is_hidden_ends() -> None:
    """A page is as long as it can be made with bounded work, and says where to go on."""
    world = World(dict.fromkeys(range(1, MOST_IDS + 3_000), STRANGER))
    world.tweets[1] = 2
    page = await world.read(None, 0, 50)
    assert not page.tweets
    assert page.next_before is not None
    assert world.reads < 2 * MOST_IDS / ROUND_IDS
    assert world.most <= ROUND_IDS
    assert ids([await world.read(page.next_before, page.first_retweet, 50)]) == [1]


async def test_a_page_that_ends_early_fits_in_an_answer_too() -> None:
    """Few tweets show among what is hidden, and these have the longest of URLs."""
    world = World(dict.fromkeys(range(1, MOST_IDS + 3_000), STRANGER))
    shown = range(4_000, 4_400, 20)
    world.tweets |= dict.fromkeys(shown, 2)
    world.body = b"x" * 270_000
    page = await world.read(None, 0, 50)
    assert sum(len(tweet.body) for tweet in page.tweets) <= PAGE_BYTES
    assert page.next_before == page.tweets[-1].tweet_id
    assert ids(await pages(world, 50)) == list(reversed(shown))
