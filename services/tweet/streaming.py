"""Streaming all tweets, for who builds an index of them."""

from collections.abc import AsyncIterator

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_optional_id
from services.tweet.model import TweetSlice
from services.tweet.ports import TweetStore

__all__ = ["MAX_STREAMED", "TWEETS_PER_PAGE", "TweetStreaming"]

MAX_STREAMED = 10_000
"""Rows that one stream reads: some seconds of work, after which whoever reads asks anew."""

TWEETS_PER_PAGE = 14
"""As many of any size as one message holds: the longest URLs, each in the text and among the
entities, and four pictures make a tweet of 290 kB, and 4 MB is what a channel takes."""


class TweetStreaming:
    """The use case that reads every tweet there is."""

    def __init__(self, store: TweetStore) -> None:
        self._store = store

    async def pages(self, after: int, limit: int) -> AsyncIterator[TweetSlice]:
        """Give the tweets behind `after` (0: all), some `limit` rows (1 to `MAX_STREAMED`).

        In pages of at most `TWEETS_PER_PAGE`, the last of them whole; it says where to go on, or
        that nothing follows. Raises `InvalidArgumentError` beyond the limits.
        """
        check_optional_id("after_tweet_id", after)
        if not 1 <= limit <= MAX_STREAMED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_STREAMED}, is {limit}")
        left, position = limit, after or None
        while left > 0:
            page = await self._store.read_slice(position, TWEETS_PER_PAGE)
            yield page
            position = page.resume_after
            if position is None:
                return
            left -= TWEETS_PER_PAGE
