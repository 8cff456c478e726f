"""All tweets in pages, as who indexes them reads them, on both engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from services.tweet.model import Tweet
from services.tweet.spec import OUTBOX, TABLES, TWEETS
from services.tweet.store import RowTweetStore
from services.tweet.streaming import MAX_STREAMED, TWEETS_PER_PAGE, TweetStreaming
from tests.contract.row_engines import bigtable_emulator, open_rows

__all__ = ["bigtable_emulator"]

MANY = 2 * TWEETS_PER_PAGE + 5


def tweet(number: int) -> Tweet:
    return Tweet(number << 22, 7, f"tweet {number}", 1_800_000_000_000 + number, 0, 0)


@pytest.fixture(params=["sqlite", "bigtable"])
async def rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield opened


@pytest.fixture
def store(rows: RowStore) -> RowTweetStore:
    return RowTweetStore(rows, Outbox(rows, SystemClock(), OUTBOX))


async def walked(store: RowTweetStore, limit: int) -> list[int]:
    """The ids of all, by streams of this limit."""
    streaming = TweetStreaming(store)
    ids: list[int] = []
    percents: list[int] = []
    after: int | None = 0
    while after is not None:
        async for page in streaming.pages(after, limit):
            assert len(page.tweets) <= TWEETS_PER_PAGE
            ids += [each.tweet_id for each in page.tweets]
            percents.append(page.percent)
            after = page.resume_after
    assert percents == sorted(percents)
    assert percents[-1] == 100
    return ids


@pytest.mark.parametrize("limit", [1, TWEETS_PER_PAGE, TWEETS_PER_PAGE + 1, MAX_STREAMED])
async def test_each_tweet_comes_once_however_the_walk_is_cut(
    store: RowTweetStore, limit: int
) -> None:
    made = [tweet(number) for number in range(1, MANY)]
    for each in made:
        await store.create(each, b"made")
    for each in made[::10]:
        await store.delete(each, each.created_at_ms + 1, b"gone")
    left = {each.tweet_id for each in made} - {each.tweet_id for each in made[::10]}
    ids = await walked(store, limit)
    assert (len(ids), set(ids)) == (len(left), left)


async def test_none_is_a_page_without_any(store: RowTweetStore) -> None:
    assert await walked(store, 10) == []


async def test_what_cannot_be_read_is_passed_over(store: RowTweetStore, rows: RowStore) -> None:
    await store.create(tweet(1), b"made")
    for key in (b"00#damaged", b"3f#zzzz", b"05#0000000000400000"):
        await rows.mutate([RowMutation(TWEETS.name, key, {b"body": b"{"})])
    assert await walked(store, 1) == [tweet(1).tweet_id]


@pytest.mark.parametrize("limit", [0, -1, MAX_STREAMED + 1])
async def test_limits_are_kept(store: RowTweetStore, limit: int) -> None:
    with pytest.raises(InvalidArgumentError, match="limit"):
        await anext(aiter(TweetStreaming(store).pages(0, limit)))
