"""The way back through homes with retweets: what a reading from the top would show there."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from services.timeline.model import MOST_IDS, ROUND_IDS, WINDOW_IDS
from services.timeline.page import PAGE_BYTES, Page
from tests.unit.retweets_world import AUTHORS, OWNER, RETWEETS, STRANGER, World, made, model


def ids(page: Page) -> list[int]:
    return [tweet.tweet_id for tweet in page.tweets]


async def back(world: World, page: Page, limit: int) -> list[Page]:
    """All pages above one, the newest first; the last read is empty, and can be asked again."""
    pages: list[Page] = []
    while True:
        page = await world.read_newer(page.previous_after, page.first_retweet, limit)
        if not page.tweets:
            top = pages[0].previous_after if pages else page.previous_after
            assert page.previous_after == top
            return pages
        pages.insert(0, page)


@settings(max_examples=300, deadline=None)
@given(authors=AUTHORS, retweets=RETWEETS, limit=st.integers(1, 6), down=st.integers(0, 20))
def test_the_way_back_is_what_the_model_says(
    authors: list[int], retweets: list[tuple[int, int]], limit: int, down: int
) -> None:
    """From any page, all of it that is above, and down again from each page."""
    world = made(authors, retweets)
    expected = [tweet for tweet, _ in model(world)]

    async def run() -> None:
        page = await world.read(None, 0, limit)
        for _ in range(down):
            if page.next_before is None:
                break
            page = await world.read(page.next_before, page.first_retweet, limit)
        start = expected.index(page.tweets[0].tweet_id) if page.tweets else 0
        found = await back(world, page, limit)
        assert [one for each in found for one in ids(each)] == expected[:start]
        assert all(len(each.tweets) == limit for each in found[1:])
        for each in found:
            assert each.next_before is not None
            below = await world.read(each.next_before, each.first_retweet, limit)
            last = expected.index(each.tweets[-1].tweet_id)
            assert ids(below) == expected[last + 1 : last + 1 + limit]

    asyncio.run(run())


@settings(max_examples=200, deadline=None)
@given(authors=AUTHORS, retweets=RETWEETS, more=RETWEETS, limit=st.integers(1, 4))
def test_what_comes_meanwhile_is_met_on_the_way_back(
    authors: list[int],
    retweets: list[tuple[int, int]],
    more: list[tuple[int, int]],
    limit: int,
) -> None:
    """Whoever asks for what is new finds what a reading from the top shows above the old top."""
    world = made(authors, retweets)
    known = set(world.retweets.values())
    new = dict.fromkeys((user, 1 + which % len(authors)) for user, which in more)

    async def run() -> None:
        page = await world.read(None, 0, limit)
        top = page.previous_after
        at = max(world.ids())
        world.retweets |= {at + n: pair for n, pair in enumerate(new.keys() - known, 1)}
        found = await back(world, page, limit)
        places = [tweet.entry_id for each in found for tweet in each.tweets]
        whole = await world.read(None, 0, 50)
        assert places == [tweet.entry_id for tweet in whole.tweets if tweet.entry_id > top]

    asyncio.run(run())


async def test_who_retweeted_is_named_as_far_as_the_page_has_it() -> None:
    world = World({1: STRANGER, 2: 2, 3: 2})
    world.retweets = {10: (2, 1), 11: (3, 1), 12: (OWNER, 1)}
    page = await world.read_newer(3, 0, 5)
    assert (ids(page), page.retweeters, page.first_retweet) == ([1], {1: (OWNER, 3, 2)}, 12)
    page = await world.read_newer(1, 11, 2)
    assert (ids(page), page.retweeters, page.first_retweet) == ([3, 2], {}, 11)


async def test_far_below_the_newest_retweet_there_are_none() -> None:
    depth = WINDOW_IDS + 300
    world = World({1: STRANGER, 2: STRANGER, **dict.fromkeys(range(10, depth), 2)})
    world.retweets = {depth: (2, 1), 3: (3, 1), 4: (3, 2)}
    assert ids(await world.read_newer(2, 0, 3)) == [12, 11, 10]
    del world.retweets[depth]
    assert ids(await world.read_newer(2, 0, 3)) == [10, 2, 1], "they are the newest themselves"


async def test_a_read_among_what_is_hidden_ends() -> None:
    """It says where it ended, and goes on there."""
    world = World(dict.fromkeys(range(1, MOST_IDS + 3_000), STRANGER))
    newest = max(world.tweets)
    world.tweets[newest] = 2
    page = await world.read_newer(1, 0, 50)
    assert not page.tweets
    assert 1 < page.previous_after < newest
    assert world.reads < 2 * MOST_IDS / ROUND_IDS
    assert world.most <= ROUND_IDS + 50
    assert ids(await world.read_newer(page.previous_after, 0, 50)) == [newest]


async def test_what_fits_in_an_answer_is_what_is_nearest() -> None:
    world = World(dict.fromkeys(range(1, 100), 2))
    world.body = b"x" * 270_000
    page = await world.read_newer(10, 0, 50)
    assert sum(len(tweet.body) for tweet in page.tweets) <= PAGE_BYTES
    assert ids(page) == list(range(10 + len(page.tweets), 10, -1))
    assert page.previous_after == ids(page)[0]
