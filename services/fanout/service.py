"""From one tweet to many timelines: plan, then push page by page.

Every step may run twice or late: pushes of an id that is there already change nothing.
"""

from collections.abc import Sequence

import structlog

from services.errors import NotFoundError
from services.fanout.ports import (
    Celebrities,
    Deliveries,
    FollowBackfill,
    Followers,
    Jobs,
    TimelinePushes,
)

__all__ = ["FanoutService"]

_log = structlog.get_logger()


class FanoutService:
    """Hybrid fan-out: push up to `threshold` followers, else leave it to the readers."""

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        *,
        followers: Followers,
        deliveries: Deliveries,
        celebrities: Celebrities,
        jobs: Jobs,
        timelines: TimelinePushes,
        backfill: FollowBackfill,
        threshold: int,
    ) -> None:
        self._followers = followers
        self._deliveries = deliveries
        self._celebrities = celebrities
        self._jobs = jobs
        self._timelines = timelines
        self._backfill = backfill
        self._threshold = threshold

    async def plan(self, author: int, tweet_id: int) -> None:
        """Decide push or pull, serve the author, queue a job for each page of followers."""
        await self._timelines.push_author(author, tweet_id)
        await self._timelines.push_homes([author], tweet_id)
        wants_push = await self._followers.count(author) <= self._threshold
        try:
            push = await self._deliveries.decide(tweet_id, push=wants_push)
        except NotFoundError:
            _log.info("tweet gone before fanout", tweet_id=tweet_id)
            return
        if not push:
            await self._celebrities.add(author)
            return
        async for close, rest in self._followers.pages(author):
            await self._jobs.enqueue(tweet_id, close, rest)

    async def push(self, tweet_id: int, followers: Sequence[int]) -> None:
        """Push one page."""
        await self._timelines.push_homes(followers, tweet_id)

    async def forget(self, author: int, tweet_id: int) -> None:
        """Hide a deleted tweet wherever it was pushed."""
        await self._timelines.forget_tweet(author, tweet_id)

    async def follow_changed(self, viewer: int, author: int, *, following: bool) -> None:
        """Bring a viewer's timeline in line with a follow or unfollow.

        An unfollow removes nothing: reads show only authors who are followed, so forgetting the
        cached relations hides them. Deleting rows could race with a second follow's backfill.
        """
        await self._timelines.relations_changed(viewer)
        if following and await self._backfill.follow(viewer, author):
            await self._timelines.drop_home(viewer)
