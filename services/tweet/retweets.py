"""Retweets in timelines: entries that stand as long as the engagement service says so.

Whether somebody has retweeted a tweet is an edge there. Here it is an entry, with an id of its own
that lists and timelines take as they take a tweet's. Of the pair of a user and a tweet one entry
stands at most, by a cell that is compared and set; one that was taken back never comes again, a new
one does. So messages may come twice, and in any order: who says how an edge stands asks again after
that, see `services/engagement/retweeting.py`.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_id
from services.platform.runtime.clock import Clock
from services.tweet.deletion import best_effort
from services.tweet.model import Retweet, RetweetPair
from services.tweet.ports import IdSource, OwnTimeline, RetweetStore, TweetEvents, TweetStore

__all__ = ["MAX_PLACED", "Retweets"]

MAX_PLACED: Final = 1_000
"""Retweets placed by one call: as many edges as the removal of a tweet takes at once."""


class Retweets:
    """The use cases of retweets. Every method raises `UnavailableError` where no store answers."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        *,
        store: RetweetStore,
        tweets: TweetStore,
        ids: IdSource,
        own_timeline: OwnTimeline,
        events: TweetEvents,
        clock: Clock,
    ) -> None:
        self._store = store
        self._tweets = tweets
        self._ids = ids
        self._own_timeline = own_timeline
        self._events = events
        self._clock = clock

    async def lookup(self, retweet_ids: Collection[int]) -> list[Retweet]:
        """Read those of the ids that name retweets which stand."""
        found = await self._store.get_many(retweet_ids)
        return [retweet for retweet in found.values() if retweet is not None]

    async def place(self, wanted: Mapping[RetweetPair, bool]) -> None:
        """Have each pair's retweet stand (if its tweet is there), or not; 1 to `MAX_PLACED` pairs.

        Idempotent: what stands already stays, and is published once. Raises `InvalidArgumentError`.
        """
        if not 1 <= len(wanted) <= MAX_PLACED:
            raise InvalidArgumentError("retweets", f"must be 1 to {MAX_PLACED}, got {len(wanted)}")
        for pair in wanted:
            check_id("retweets.user_id", pair.user_id)
            check_id("retweets.tweet_id", pair.tweet_id)
        coming = {pair.tweet_id for pair, standing in wanted.items() if standing}
        placed, tweets = await asyncio.gather(
            self._store.standing(list(wanted)), self._tweets.get_many(list(coming))
        )
        stands = {
            pair: tweets[pair.tweet_id].user_id
            for pair, standing in wanted.items()
            if standing and pair.tweet_id in tweets
        }
        await self._take_back({pair: placed[pair] for pair in placed.keys() - stands.keys()})
        await self._make(stands, placed)

    async def _make(
        self, authors: Mapping[RetweetPair, int], placed: Mapping[RetweetPair, int]
    ) -> None:
        """Make retweets, by the author of each tweet; those of `placed` that are there stay."""
        ids = [placed[pair] for pair in authors if pair in placed]
        known = await self._store.get_many(ids)
        # One whose row is missing is being made elsewhere, or that was cut off.
        made = [
            Retweet(placed[pair], *pair, author)
            for pair, author in authors.items()
            if pair in placed and placed[pair] not in known
        ]
        new = {
            pair: placed.get(pair)
            for pair in authors
            if pair not in placed or (placed[pair] in known and known[placed[pair]] is None)
        }
        claimed = await asyncio.gather(*(self._claim(pair, gone) for pair, gone in new.items()))
        made += [
            Retweet(retweet_id, *pair, authors[pair])
            for pair, retweet_id in zip(new, claimed, strict=True)
            if retweet_id is not None
        ]
        entries = {each.retweet_id: (each, self._events.retweeted(each)) for each in made}
        await self._store.create(entries)
        await asyncio.gather(*map(self._show, made))

    async def _claim(self, pair: RetweetPair, gone: int | None) -> int | None:
        """Make a new retweet the pair's; None where another process is making one."""
        retweet_id = await self._ids.next_id()
        return retweet_id if await self._store.replace(pair, gone, retweet_id) else None

    async def _show(self, retweet: Retweet) -> None:
        posted = self._own_timeline.posted(retweet.user_id, retweet.retweet_id)
        await best_effort("posted", retweet.retweet_id, posted)

    async def _take_back(self, going: Mapping[RetweetPair, int]) -> None:
        entries = {
            retweet_id: (pair, self._events.unretweeted(retweet_id, pair))
            for pair, retweet_id in going.items()
        }
        await self._store.take_back(entries, self._clock.now_ms())
        await asyncio.gather(*(self._forget(*each) for each in going.items()))

    async def _forget(self, pair: RetweetPair, retweet_id: int) -> None:
        hidden = self._own_timeline.deleted(retweet_id, pair.user_id)
        await best_effort("deleted", retweet_id, hidden)
        await self._store.replace(pair, retweet_id, None)
