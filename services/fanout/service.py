"""What is done to timelines for events and jobs, many at a time.

Every step may run twice or late: pushes of an id that is there already change nothing.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence

from services.fanout.planning import batches
from services.fanout.ports import FollowBackfill, Lag, TimelinePushes, Tweets
from services.platform.erasure import require_gone

__all__ = ["FanoutService"]

BACKFILLS_AT_ONCE = 8
"""Parts of a batch of follows whose timelines are filled at the same time."""
FOLLOWS_PER_PART = 100
"""Follows of one part, but for a viewer who has more: as many as events come in one batch. What is
fetched and stored for them is at most some 80,000 ids, a second of work."""
VIEWERS_PER_CALL = 1_000
"""Whose relations are forgotten in one call."""


class FanoutService:
    """Pushes, deletions and changes of relations, in the timeline store."""

    def __init__(
        self, *, tweets: Tweets, timelines: TimelinePushes, backfill: FollowBackfill, lag: Lag
    ) -> None:
        self._tweets = tweets
        self._timelines = timelines
        self._backfill = backfill
        self._lag = lag

    async def show_authors(self, tweets: Mapping[int, int]) -> None:
        """Push tweets, each with its author, into the authors' own timelines."""
        if tweets:
            await self._timelines.push_homes({each: [author] for each, author in tweets.items()})
            await self._timelines.push_authors(tweets)

    async def push(self, jobs: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Push pages: tweets, each with up to 1000 followers. A tweet may come more than once."""
        for batch in batches(jobs):
            viewers: dict[int, list[int]] = {}
            for tweet_id, followers in batch:
                viewers.setdefault(tweet_id, []).extend(followers)
            await self._timelines.push_homes(viewers)
            for tweet_id, _ in batch:
                self._lag.pushed(tweet_id)

    async def forget(self, tweets: Mapping[int, int]) -> None:
        """Hide deleted tweets, each with its author, wherever they were pushed.

        Raises `FailedPreconditionError` (`STILL_THERE`) for one that is not deleted, and does not
        hide that.
        """
        living = await self._tweets.living(list(tweets))
        for tweet_id, author in tweets.items():
            if tweet_id not in living:
                await self._timelines.forget_tweet(author, tweet_id)
        for tweet_id in living:
            require_gone("tweet", tweet_id, lives=True)

    async def followed(self, follows: Mapping[int, Sequence[int]]) -> None:
        """Bring viewers' timelines in line with new follows, each with the authors."""
        room = asyncio.Semaphore(BACKFILLS_AT_ONCE)

        async def backfill(part: Mapping[int, Sequence[int]]) -> Collection[int]:
            async with room:
                return await self._backfill.follow(part)

        # Rows first: a list that is filled once it was dropped has all of them.
        filled = await asyncio.gather(*map(backfill, _parts(follows)))
        await self.relations_changed(list(follows))
        await self._timelines.drop_homes([viewer for viewers in filled for viewer in viewers])

    async def relations_changed(self, viewers: Sequence[int]) -> None:
        """Bring timelines in line with unfollows, blocks, mutes and their ends.

        Nothing is removed: reads show only authors who are followed and not hidden, so forgetting
        the cached relations does it. Deleting rows could race with a second follow's backfill. The
        graph service has forgotten them before it answered; this is for where it could not.
        """
        for start in range(0, len(viewers), VIEWERS_PER_CALL):
            await self._timelines.relations_changed(viewers[start : start + VIEWERS_PER_CALL])


def _parts(follows: Mapping[int, Sequence[int]]) -> Iterator[Mapping[int, Sequence[int]]]:
    part, room = dict[int, Sequence[int]](), FOLLOWS_PER_PART
    for viewer, authors in follows.items():
        if part and len(authors) > room:
            yield part
            part, room = {}, FOLLOWS_PER_PART
        part[viewer] = authors
        room -= len(authors)
    if part:
        yield part
