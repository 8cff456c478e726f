"""What follows from tweets: answers and quotes are counted, and what is deleted takes all with it.

Messages have no order, and an edge may be written while its tweet is being deleted. So whoever has
written one asks once more whether the tweets are there: either the deletion comes after the edge
and finds it, or the question comes after the deletion.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from services.engagement.counting import Counting
from services.engagement.model import Change, Edge, Kind, References
from services.engagement.ports import EdgeStore, Tweets
from services.engagement.retweeting import Retweeting
from services.platform.erasure import WORK_S, require_gone
from services.platform.errors import CallAgain
from services.platform.ids.snowflake_time import time_ms

__all__ = ["EDGES_PER_STEP", "TweetChanges"]

EDGES_PER_STEP: Final = 1_000
"""Edges removed at once: some tens of milliseconds of the engine."""
REFERENCES_PER_TWEET: Final = 10
"""More than a tweet can answer or quote."""


class TweetChanges:
    """Keeps edges in step with tweets. All of it is idempotent, and raises `UnavailableError`."""

    def __init__(
        self,
        store: EdgeStore,
        counting: Counting,
        tweets: Tweets,
        retweeting: Retweeting,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._counting = counting
        self._tweets = tweets
        self._retweeting = retweeting
        self._monotonic = monotonic

    async def created(self, tweet_ids: Sequence[int]) -> None:
        """Count those of the tweets that answer or quote others."""
        references, missing = await self._tweets.references(tweet_ids)
        edges = [edge for each in references for edge in _edges(each)]
        gone = set(missing)
        if edges:
            await self._store.write([_change(edge, standing=True) for edge in edges])
            await self._counting.settle(edges)
            about = {one for edge in edges for one in (edge.actor_id, edge.tweet_id)}
            gone |= set(await self._tweets.missing(sorted(about)))
        await self._forget(gone)

    async def deleted(self, tweet_ids: Sequence[int]) -> None:
        """Remove all that was done with these tweets, and what they were to others.

        Raises `FailedPreconditionError` (`STILL_THERE`) for a tweet that is there, and `CallAgain`
        where there is more to do than fits in one delivery.
        """
        gone = frozenset(await self._tweets.missing(tweet_ids))
        for tweet_id in tweet_ids:
            require_gone("tweet", tweet_id, lives=tweet_id not in gone)
        await self._forget(gone)

    async def engaged(self, edges: Sequence[Edge]) -> None:
        """Count these edges, and show retweets; where their tweet is gone, so are they."""
        await self._counting.settle(edges)
        await self._retweeting.follow(edges)
        tweet_ids = list(dict.fromkeys(edge.tweet_id for edge in edges))
        await self._forget(await self._tweets.missing(tweet_ids))

    async def _forget(self, tweet_ids: Collection[int]) -> None:
        due = self._monotonic() + WORK_S
        for tweet_id in tweet_ids:
            # First the retweets, as nothing leads to them once their edges are forgotten.
            while await self._forget_step(tweet_id):
                if self._monotonic() >= due:
                    raise CallAgain(f"the removal of tweet {tweet_id} goes on", after_s=0.0)
            await self._forget_references(tweet_id)
        if tweet_ids:
            await self._counting.forget(tweet_ids)

    async def _forget_step(self, tweet_id: int) -> bool:
        """Remove some edges of a tweet, and the retweets among them; give whether more are left."""
        await self._retweeting.take_back(await self._store.edges_of(tweet_id, limit=EDGES_PER_STEP))
        return not await self._store.forget_tweet(tweet_id, limit=EDGES_PER_STEP)

    async def _forget_references(self, tweet_id: int) -> None:
        """Uncount a tweet with those that it answered or quoted."""
        for kind in (Kind.REPLY, Kind.QUOTE):
            # Also what was removed: a try before this may have ended before it was counted.
            found = await self._store.done_by(
                kind, tweet_id, before=None, limit=REFERENCES_PER_TWEET, removed=True
            )
            if not found.ids:
                continue
            edges = [Edge(kind, tweet_id, other) for other in found.ids]
            await self._store.write([_change(edge, standing=False) for edge in edges])
            await self._counting.settle(edges)
            await self._store.forget_actor(kind, tweet_id)


def _edges(tweet: References) -> list[Edge]:
    wanted = {Kind.REPLY: tweet.in_reply_to_tweet_id, Kind.QUOTE: tweet.quote_tweet_id}
    return [Edge(kind, tweet.tweet_id, other) for kind, other in wanted.items() if other]


def _change(edge: Edge, *, standing: bool) -> Change:
    """Date it by the tweet: removed later than made, however often and in whatever order."""
    return Change(edge, standing, time_ms(edge.actor_id) + (0 if standing else 1))
