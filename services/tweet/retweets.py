"""Retweets in timelines: entries that stand as long as the engagement service says so.

Whether somebody has retweeted a tweet is an edge there. Here it is an entry, with an id of its own
that lists and timelines take as they take a tweet's. Of the pair of a user and a tweet one entry
stands at most, by a claim that is compared and set before anything else is done; one that was taken
back never comes again, a new one does. So messages may come twice, and in any order: who says how
an edge stands asks again after that, see `services/engagement/retweeting.py`.

Who asks may also have given up, and somebody else have asked since, while a process here stood
still. Whatever is asked therefore changes the claim, also where the retweet stands already: so what
goes on late finds another claim than it read, and does nothing.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.ids.arguments import check_id
from services.platform.runtime.clock import Clock
from services.platform.visibility.rule import Visibility
from services.tweet.deletion import best_effort
from services.tweet.model import Retweet, RetweetClaim, RetweetPair, Tweet
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
        """Have each pair's retweet stand, or not; 1 to `MAX_PLACED` pairs.

        It never stands if its tweet is not there, or not for everybody.

        Idempotent: what stands already stays, and is published once. Raises `InvalidArgumentError`;
        and `UnavailableError` where others place one of the same retweets at the same time, which
        it may leave as it was: ask again, by what is to be by then.
        """
        if not 1 <= len(wanted) <= MAX_PLACED:
            raise InvalidArgumentError("retweets", f"must be 1 to {MAX_PLACED}, got {len(wanted)}")
        for pair in wanted:
            check_id("retweets.user_id", pair.user_id)
            check_id("retweets.tweet_id", pair.tweet_id)
        coming = {pair.tweet_id for pair, standing in wanted.items() if standing}
        claims, tweets = await asyncio.gather(
            self._store.claims(list(wanted)),
            # One of a tweet in quarantine stands: it is shown with the tweet, and not before.
            self._tweets.get_many(list(coming), hidden=True),
        )
        authors = {
            pair: tweets[pair.tweet_id].user_id
            for pair, standing in wanted.items()
            if standing and _is_public(tweets.get(pair.tweet_id))
        }
        lost = await self._take_back(
            {pair: claims[pair] for pair in claims.keys() - authors.keys()}
        )
        lost |= await self._make(authors, claims)
        if lost:
            raise UnavailableError(f"{len(lost)} retweets are placed by others at the same time")

    async def _make(
        self, authors: Mapping[RetweetPair, int], claims: Mapping[RetweetPair, RetweetClaim]
    ) -> set[RetweetPair]:
        """Have retweets stand, by the author of each tweet; give those that others changed."""
        # What was cut off on its way out ends first, so that none of it is seen beside a new one.
        await self._end(
            {pair: each for pair, each in claims.items() if pair in authors and each.going}
        )
        stand = {pair: each for pair, each in claims.items() if pair in authors and not each.going}
        after = {
            pair: stand[pair].again() if pair in stand else RetweetClaim(await self._ids.next_id())
            for pair in authors
        }
        lost = await self._replace({pair: (claims.get(pair), after[pair]) for pair in authors})
        # One whose row is missing is being made elsewhere, or that was cut off.
        known = await self._store.get_many([each.retweet_id for each in stand.values()])
        made = [
            Retweet(after[pair].retweet_id, *pair, author)
            for pair, author in authors.items()
            if pair not in lost and after[pair].retweet_id not in known
        ]
        await self._store.create(
            {each.retweet_id: (each, self._events.retweeted(each)) for each in made}
        )
        await asyncio.gather(*map(self._show, made))
        return lost

    async def _take_back(self, claims: Mapping[RetweetPair, RetweetClaim]) -> set[RetweetPair]:
        """Take retweets back, and free their pairs; give those that others changed meanwhile."""
        standing = {pair: each for pair, each in claims.items() if not each.going}
        lost = await self._replace({pair: (each, each.gone()) for pair, each in standing.items()})
        going = {pair: each.gone() for pair, each in claims.items() if pair not in lost}
        await self._end(going)
        # Whoever was faster has freed it too, or claimed it for a new one.
        await self._replace({pair: (each, None) for pair, each in going.items()})
        return lost

    async def _end(self, going: Mapping[RetweetPair, RetweetClaim]) -> None:
        """Mark retweets as taken back, and hide them."""
        entries = {
            each.retweet_id: (pair, self._events.unretweeted(each.retweet_id, pair))
            for pair, each in going.items()
        }
        await self._store.take_back(entries, self._clock.now_ms())
        await asyncio.gather(*(self._hide(pair, each) for pair, each in going.items()))

    async def _replace(
        self,
        changes: Mapping[RetweetPair, tuple[RetweetClaim | None, RetweetClaim | None]],
    ) -> set[RetweetPair]:
        """Change claims, each from one to another; give those that were not what they should be."""
        done = await asyncio.gather(
            *(self._store.replace(pair, *change) for pair, change in changes.items())
        )
        return {pair for pair, changed in zip(changes, done, strict=True) if not changed}

    async def _show(self, retweet: Retweet) -> None:
        posted = self._own_timeline.posted(retweet.user_id, retweet.retweet_id)
        await best_effort("posted", retweet.retweet_id, posted)

    async def _hide(self, pair: RetweetPair, claim: RetweetClaim) -> None:
        hidden = self._own_timeline.deleted(claim.retweet_id, pair.user_id)
        await best_effort("deleted", claim.retweet_id, hidden)


def _is_public(tweet: Tweet | None) -> bool:
    return tweet is not None and tweet.visibility is Visibility.PUBLIC
