"""What is counted of users, by those who count it: an answer goes without what is not to be had."""

import asyncio
from collections.abc import Sequence

from services.platform.drawing.outage import Spared
from services.user.model import Counts, FollowCounts
from services.user.ports import Follows, Tweets

__all__ = ["Counting"]


class Counting:
    """Counts for pages of users, by one call of each sibling, side by side."""

    def __init__(self, follows: Follows, tweets: Tweets) -> None:
        self._follows = follows
        self._tweets = tweets
        self._asking_follows = Spared("followers")
        self._asking_tweets = Spared("tweet_counts")

    async def of(self, user_ids: Sequence[int]) -> dict[int, Counts]:
        """Count for up to 1000 users; what nobody says in time is None."""
        if not user_ids:
            return {}
        follows, tweets = await asyncio.gather(
            self._asking_follows.ask(lambda: self._follows.counts(user_ids)),
            self._asking_tweets.ask(lambda: self._tweets.counts(user_ids)),
        )
        return {
            user_id: Counts(
                (follows or {}).get(user_id, FollowCounts()), (tweets or {}).get(user_id)
            )
            for user_id in user_ids
        }
