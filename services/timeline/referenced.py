"""Tweets that those of a page are about, out of what readers keep anyhow."""

from collections.abc import Sequence

from services.timeline.model import EncodedTweet
from services.timeline.ports import Tweets

__all__ = ["ReferencedTweets"]


class ReferencedTweets:
    """Reads them as a page's own tweets are read."""

    def __init__(self, tweets: Tweets) -> None:
        self._tweets = tweets

    async def referenced(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Those of the tweets that there are; a retweet is none. Raises `UnavailableError`."""
        found = await self._tweets.get_many(tweet_ids)
        return {tweet.tweet_id: tweet for tweet in found.values() if tweet.body}
