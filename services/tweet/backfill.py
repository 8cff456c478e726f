"""Listing replies that were made before replies were listed."""

from dataclasses import dataclass
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_optional_id
from services.tweet.ports import Replies, TweetStore

__all__ = ["MAX_BACKFILLED", "Backfilled", "RepliesBackfill"]

MAX_BACKFILLED: Final = 10_000
"""Tweets of one call: some seconds."""
TWEETS_PER_STEP: Final = 500
"""Tweets read and written at once."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill has come."""

    replies: int
    """Found, whether they were listed before or not."""
    resume_after: int | None
    """The last tweet looked at; None where nothing follows."""
    percent: int
    """About how much of all tweets comes before the next."""


class RepliesBackfill:
    """The use case; raises `UnavailableError` where the store does. A repeat changes nothing."""

    def __init__(self, tweets: TweetStore, replies: Replies) -> None:
        self._tweets = tweets
        self._replies = replies

    async def backfill(self, after: int, limit: int) -> Backfilled:
        """Look at the next `limit` (1 to `MAX_BACKFILLED`) of all tweets behind `after` (0: all).

        Raises `InvalidArgumentError` beyond the limits.
        """
        check_optional_id("after_tweet_id", after)
        if not 1 <= limit <= MAX_BACKFILLED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_BACKFILLED}, is {limit}")
        position, found, left, percent = after or None, 0, limit, 0
        while left > 0:
            rows = min(left, TWEETS_PER_STEP)
            page = await self._tweets.read_slice(position, rows)
            replies = [each for each in page.tweets if each.in_reply_to_tweet_id]
            await self._replies.add(replies)
            found += len(replies)
            left -= rows
            position, percent = page.resume_after, page.percent
            if position is None:
                break
        return Backfilled(found, position, percent)
