"""Hydration: what the ids stand for. The second of the four steps of a read.

First the bodies, then whatever stages add to them; each asks its source once for all of a round.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from typing import Final

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.platform.runtime.gathering import Gathering
from services.timeline.local_tweets import LocalTweets
from services.timeline.model import EncodedTweet, Retweet, Skeleton, View
from services.timeline.ports import SharedTweets, Tweets, TweetSource

__all__ = ["CachedTweets", "Hydration", "Stage"]

Stage = Callable[[list[EncodedTweet], View], Awaitable[list[EncodedTweet]]]
"""Takes all tweets of a round, in their order, and returns them with what it adds.

An encoded field that is appended to a body adds to the message, so no stage need parse one."""

READERS_AT_ONCE: Final = 16
"""Readers who look together: so many pages are what one call of the tweet service gives."""

_RETWEET_OF = attrgetter("retweet_of")
_log = structlog.get_logger()


class Hydration:
    """Gives each id of a skeleton its tweet, in order; ids of unknown tweets are left out."""

    def __init__(self, tweets: Tweets, stages: Sequence[Stage] = ()) -> None:
        self._tweets = tweets
        self._stages = stages

    async def hydrate(self, skeleton: Skeleton) -> list[EncodedTweet]:
        """Read the bodies, then apply each stage in turn."""
        tweets = await self.bodies(skeleton.run.ids)
        for stage in self._stages:
            tweets = await stage(tweets, skeleton.view)
        return tweets

    async def bodies(self, ids: Sequence[int]) -> list[EncodedTweet]:
        """Read the bodies; in the place of a retweet stands the tweet, and says so."""
        found = await self._tweets.get_many(ids)
        tweets = list(filter(None, map(found.get, ids)))
        if not any(map(_RETWEET_OF, tweets)):
            return tweets
        wanted = {each.retweet_of for each in tweets} - found.keys() - {0}
        retweeted = found | await self._tweets.get_many(list(wanted))
        return [
            tweet if not tweet.retweet_of else _brought(retweeted[tweet.retweet_of], tweet)
            for tweet in tweets
            if not tweet.retweet_of or tweet.retweet_of in retweeted
        ]


def _brought(tweet: EncodedTweet, retweet: EncodedTweet) -> EncodedTweet:
    return replace(tweet, retweet=Retweet(retweet.tweet_id, retweet.author_id))


class CachedTweets:
    """Tweet bodies: from this process, then one look in Valkey, then one call for the rest.

    Readers who lack some in the same moment look for them together, so that each is fetched once.
    """

    def __init__(self, local: LocalTweets, shared: SharedTweets, source: TweetSource) -> None:
        self._local = local
        self._shared = shared
        self._source = source
        self._fetches = Gathering(self._fetch_for_all, most=READERS_AT_ONCE)

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Read encoded tweets by id; unknown ones are missing, deleted ones may be."""
        found, wanted = self._local.get_many(tweet_ids)
        if wanted:
            fetched = await self._fetches.get(wanted)
            found |= {tweet_id: fetched[tweet_id] for tweet_id in wanted if tweet_id in fetched}
        return found

    async def _fetch_for_all(
        self, wanted: Sequence[Sequence[int]]
    ) -> list[Mapping[int, EncodedTweet]]:
        """Fetch what these readers want; each gets all that was found."""
        turns = self._local.turns
        # Some may be here by now: readers before these wanted them too.
        found, missing = self._local.get_many(list(dict.fromkeys(chain(*wanted))))
        if missing:
            fetched = await self._fetch(missing)
            self._local.put_many(fetched.values(), turns)
            found |= fetched
        return [found] * len(wanted)

    async def _fetch(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        try:
            found = await self._shared.get_many(tweet_ids)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="tweets")
            found = {}
        unknown = [tweet_id for tweet_id in tweet_ids if tweet_id not in found]
        if unknown:
            fetched, missing = await self._source.lookup(unknown)
            gone = [EncodedTweet.tombstone(tweet_id) for tweet_id in missing]
            await self._share(fetched, gone)
            # What is neither is withheld, for now: kept in this process alone, for seconds, so that
            # pages whose lists name it for days need no call each.
            found |= {tweet_id: EncodedTweet.tombstone(tweet_id) for tweet_id in unknown}
            found |= {tweet.tweet_id: tweet for tweet in fetched}
        return found

    async def _share(self, tweets: list[EncodedTweet], gone: list[EncodedTweet]) -> None:
        try:
            await self._shared.put_many(tweets)
            # Lists name a tweet for as long as they live, and longer than its tombstone does.
            await self._shared.put_missing(gone)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="tweets")
