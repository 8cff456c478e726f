"""The layered stores: hot first, then the source; and fanout's writes, source first, then hot."""

import secrets
import struct
from collections.abc import Sequence
from typing import Protocol

import structlog
from opentelemetry import trace

from services.clock import Clock
from services.errors import UnavailableError
from services.storage.timelines import RETENTION_S, RowHomeTimelines
from services.storage.valkey.hot_timelines import ValkeyHotTimelines
from services.storage.valkey.relations_cache import RelationsCache
from services.storage.valkey.tweet_cache import TweetCache
from services.timeline.encoded import EncodedTweet

__all__ = ["CachedRelations", "CachedTweets", "LayeredPushes"]

_log = structlog.get_logger()
_tracer = trace.get_tracer("aviary.storage")
NONCE_BYTES = 8
ID_BYTES = 8
LOOKUP_IDS = 1_000  # the tweet service's bound


class RelationsSource(Protocol):
    """The graph service."""

    async def following(self, viewer: int) -> list[int]:
        """Whom the viewer follows, as of now."""
        ...


class TweetSource(Protocol):
    """The tweet service."""

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        """Tweets found, and ids that are missing or deleted."""
        ...


class CachedRelations:
    """Whom a viewer follows, cached in Valkey until the graph says it changed."""

    def __init__(self, cache: RelationsCache, source: RelationsSource) -> None:
        self._cache = cache
        self._source = source

    async def following(self, viewer: int) -> frozenset[int]:
        """Followed users; from the graph where the cache has nothing, or fails."""
        try:
            nonce, blob = await self._cache.peek(viewer, secrets.token_bytes(NONCE_BYTES))
            if blob is not None:
                return frozenset(struct.unpack(f">{len(blob) // ID_BYTES}Q", blob))
            following = await self.fetch(viewer)
            await self._cache.fill(viewer, nonce, struct.pack(f">{len(following)}Q", *following))
        except UnavailableError:
            _log.warning("relations cache unavailable", viewer=viewer)
            return await self.fetch(viewer)
        return following

    async def fetch(self, viewer: int) -> frozenset[int]:
        """Followed users as the graph has them now."""
        return frozenset(await self._source.following(viewer))

    async def invalidate(self, viewer: int) -> None:
        """Forget what is cached."""
        await self._cache.invalidate(viewer)


class CachedTweets:
    """Tweet bodies: one look in Valkey for the page, one call for what it lacks."""

    def __init__(self, cache: TweetCache, source: TweetSource) -> None:
        self._cache = cache
        self._source = source

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Encoded tweets by id; unknown ones are missing, deleted ones may be."""
        if not tweet_ids:
            return {}
        try:
            found = await self._cache.get_many(tweet_ids)
        except UnavailableError:
            _log.warning("tweet cache unavailable")
            found = {}
        unknown = [tweet_id for tweet_id in tweet_ids if tweet_id not in found]
        for start in range(0, len(unknown), LOOKUP_IDS):
            fetched, _ = await self._source.lookup(unknown[start : start + LOOKUP_IDS])
            await self._remember(fetched)
            found |= {tweet.tweet_id: tweet for tweet in fetched}
        return found

    async def _remember(self, tweets: list[EncodedTweet]) -> None:
        try:
            await self._cache.put_many(tweets)
        except UnavailableError:
            _log.warning("tweet cache unavailable")


class LayeredPushes:
    """What fanout writes. Persistent first: a list warmed in between then reads the push there."""

    def __init__(
        self,
        homes: RowHomeTimelines,
        hot: ValkeyHotTimelines,
        tweets: TweetCache,
        relations: RelationsCache,
        clock: Clock,
    ) -> None:
        self._homes = homes
        self._hot = hot
        self._tweets = tweets
        self._relations = relations
        self._clock = clock

    async def push_homes(self, viewers: Sequence[int], tweet_id: int) -> None:
        """Add to persistent timelines of the active, then to the hot lists that exist."""
        with _tracer.start_as_current_span("timeline store push"):
            since_ms = self._clock.now_ms() - RETENTION_S * 1_000
            active = await self._homes.active(viewers, since_ms)
            if active:
                await self._homes.push(active, tweet_id)
                await self._hot.push_homes(active, tweet_id)

    async def push_author(self, author: int, tweet_id: int) -> None:
        """Add to the author's own list, if it is hot."""
        await self._hot.push_author(author, tweet_id)

    async def forget_tweet(self, author: int, tweet_id: int) -> None:
        """Put a tombstone where the body was cached, and drop the id from the author's list."""
        await self._tweets.tombstone(tweet_id)
        await self._hot.remove_from_author(author, tweet_id)

    async def relations_changed(self, viewer: int) -> None:
        """Forget whom the viewer is thought to follow."""
        await self._relations.invalidate(viewer)

    async def drop_home(self, viewer: int) -> None:
        """Drop the hot list; the next read fills it anew."""
        await self._hot.drop_home(viewer)

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Show authors their own tweet at once, in the hot lists they have."""
        await self._hot.push_author(user_id, tweet_id)
        await self._hot.push_homes([user_id], tweet_id)

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet at once."""
        await self.forget_tweet(user_id, tweet_id)
