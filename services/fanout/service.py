"""From one tweet to many timelines: plan, then push page by page.

Every step may run twice or late: pushes of an id that is there already change nothing.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

import structlog

from services.fanout.ports import (
    Celebrities,
    Deliveries,
    FollowBackfill,
    Followers,
    Jobs,
    Threshold,
    TimelinePushes,
    Tweets,
)
from services.platform.erasure import require_gone
from services.platform.errors import NotFoundError
from services.platform.observability.log_events import EVENT_FANOUT_TWEET_GONE

__all__ = ["FanoutService"]

PAGES_PER_PUBLISH = 100
"""Jobs queued at once: 900 kB. The first page goes alone, so that it waits for no other, and each
publish takes twice as many as the one before up to this."""
PLAN_MAX_S = 8.0
"""Seconds of planning in one delivery. A page takes about 10 ms, so that all but the greatest
authors need one. With the slowest page and publish it stays well below the bus's visibility
time (30 s), after which a second worker would plan the same at the same time."""

_log = structlog.get_logger()


class FanoutService:
    """Hybrid fan-out: push up to the threshold of followers, else leave it to the readers."""

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        *,
        followers: Followers,
        deliveries: Deliveries,
        tweets: Tweets,
        celebrities: Celebrities,
        jobs: Jobs,
        timelines: TimelinePushes,
        backfill: FollowBackfill,
        threshold: Threshold,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._followers = followers
        self._deliveries = deliveries
        self._tweets = tweets
        self._celebrities = celebrities
        self._jobs = jobs
        self._timelines = timelines
        self._backfill = backfill
        self._threshold = threshold
        self._now_s = now_s

    async def plan(self, author: int, tweet_id: int) -> bool:
        """Decide push or pull, queue a job for each page of followers; false where none is pushed.

        It does without the cache, so that pages are queued, and persistent timelines filled, while
        that is gone; and so that a retry for the cache's sake does not queue them again.
        """
        wants_push = await self._followers.count(author) <= self._threshold.followers()
        try:
            push = await self._deliveries.decide(tweet_id, push=wants_push)
        except NotFoundError:
            _log.info(EVENT_FANOUT_TWEET_GONE, tweet_id=tweet_id)
            return False
        if not push:
            await self._celebrities.add(author)
            return False
        await self.plan_from(author, tweet_id, None)
        return True

    async def plan_from(self, author: int, tweet_id: int, after: int | None) -> None:
        """Queue a job for each page of followers above `after` (None: all).

        Bounded in time: what is left then is queued as a continuation, so a crash repeats one
        delivery and none outlasts the bus's visibility time.
        """
        until_s = self._now_s() + PLAN_MAX_S
        room = 1
        gathered: list[tuple[list[int], list[int]]] = []
        async with aclosing(self._followers.pages(author, after)) as pages:
            async for close, rest in pages:
                gathered.append((close, rest))
                late = self._now_s() >= until_s
                if late or len(gathered) == room:
                    await self._jobs.enqueue(tweet_id, gathered)
                    gathered, room = [], min(2 * room, PAGES_PER_PUBLISH)
                if late:
                    await self._jobs.enqueue_continuation(author, tweet_id, max([*close, *rest]))
                    return
        if gathered:
            await self._jobs.enqueue(tweet_id, gathered)

    async def show_author(self, author: int, tweet_id: int) -> None:
        """Push into the author's own timelines."""
        await self._timelines.push_homes({tweet_id: [author]})
        await self._timelines.push_authors({tweet_id: author})

    async def push(self, tweet_id: int, followers: Sequence[int]) -> None:
        """Push one page."""
        await self._timelines.push_homes({tweet_id: followers})

    async def forget(self, author: int, tweet_id: int) -> None:
        """Hide a deleted tweet wherever it was pushed.

        Raises `FailedPreconditionError` (`STILL_THERE`), and hides nothing, if it is not deleted.
        """
        require_gone("tweet", tweet_id, lives=await self._tweets.exists(tweet_id))
        await self._timelines.forget_tweet(author, tweet_id)

    async def followed(self, viewer: int, authors: Sequence[int]) -> None:
        """Bring a viewer's timeline in line with new follows."""
        # Rows first: a list that is filled once it was dropped has all of them.
        filled = await self._backfill.follow(viewer, authors)
        await self._timelines.relations_changed([viewer])
        if filled:
            await self._timelines.drop_home(viewer)

    async def relations_changed(self, viewers: Sequence[int]) -> None:
        """Bring timelines in line with unfollows, blocks, mutes and their ends.

        Nothing is removed: reads show only authors who are followed and not hidden, so forgetting
        the cached relations does it. Deleting rows could race with a second follow's backfill. The
        graph service has forgotten them before it answered; this is for where it could not.
        """
        await self._timelines.relations_changed(viewers)
