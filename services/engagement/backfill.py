"""Counting answers and quotes that were made before they were counted."""

from dataclasses import dataclass
from typing import Final

from services.engagement.ports import Tweets
from services.engagement.tweet_changes import TweetChanges
from services.platform.errors import CallAgain, InvalidArgumentError, UnavailableError
from services.platform.ids.arguments import check_optional_id

__all__ = ["MAX_BACKFILLED", "Backfilled", "ReferencesBackfill"]

MAX_BACKFILLED: Final = 10_000
"""Tweets of one call: as many as their owner streams at once."""
COUNTED_TOGETHER: Final = 100
"""As many as a batch of messages about new tweets has."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill has come."""

    references: int
    """Tweets that answer or quote others, whether they were counted before or not."""
    resume_after: int | None
    """The last tweet looked at; None where nothing follows."""
    percent: int
    """About how much of all tweets comes before the next."""


class ReferencesBackfill:
    """The use case; raises `UnavailableError` where a store or the tweet service does."""

    def __init__(self, tweets: Tweets, changes: TweetChanges) -> None:
        self._tweets = tweets
        self._changes = changes

    async def backfill(self, after: int, limit: int) -> Backfilled:
        """Look at the next of all tweets behind `after` (0: all), some `limit` of them.

        A repeat counts nothing twice. Raises `InvalidArgumentError` but for 1 to `MAX_BACKFILLED`.
        """
        check_optional_id("after_tweet_id", after)
        if not 1 <= limit <= MAX_BACKFILLED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_BACKFILLED}, is {limit}")
        found = await self._tweets.references_after(after, limit)
        ids = [each.tweet_id for each in found.references]
        for start in range(0, len(ids), COUNTED_TOGETHER):
            # As if they were posted now: they are read again, and so are those that they are about.
            try:
                await self._changes.created(ids[start : start + COUNTED_TOGETHER])
            except CallAgain as again:
                # Of a deleted tweet with very much to remove; a repeat goes on with that.
                raise UnavailableError(str(again)) from again
        return Backfilled(len(ids), found.resume_after, found.percent)
