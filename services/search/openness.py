"""Which of the tweets that are put into an index are for everybody."""

from collections.abc import Sequence
from dataclasses import replace

from services.platform.visibility.ports import Sights
from services.search.model import TweetText
from services.search.ports import IndexedTweets

__all__ = ["MarkedTweets"]


class MarkedTweets:
    """`IndexedTweets` that say which authors are protected, by a call for each part of them.

    Who is protected, or no longer, after that, is so for what they post from then on.
    """

    def __init__(self, tweets: IndexedTweets, sights: Sights) -> None:
        self._tweets = tweets
        self._sights = sights

    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        """Read tweets."""
        return await self._marked(await self._tweets.read(tweet_ids))

    async def read_all(self, after: int, limit: int) -> tuple[Sequence[TweetText], int | None, int]:
        """Read the next of all tweets."""
        tweets, resume, percent = await self._tweets.read_all(after, limit)
        return await self._marked(tweets), resume, percent

    async def _marked(self, tweets: Sequence[TweetText]) -> Sequence[TweetText]:
        authors = {tweet.author_id for tweet in tweets if tweet.is_public}
        sights = await self._sights.of(0, authors) if authors else {}
        protected = {author for author, sight in sights.items() if sight.protected}
        return [
            replace(tweet, is_public=False) if tweet.author_id in protected else tweet
            for tweet in tweets
        ]
