"""Counts as others read them, and what keeps them up to date."""

import secrets
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from services.engagement.model import COUNTS, Edge, TweetCounts
from services.engagement.ports import CountCache, CountStore
from services.platform.errors import UnavailableError
from services.platform.ids.arguments import check_ids
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE

__all__ = ["MAX_IDS_PER_LOOKUP", "Counting"]

MAX_IDS_PER_LOOKUP: Final = 1_000
"""Tweets counted by one call; answers stay under 50 kB."""
TOKEN_BYTES: Final = 8

_log = structlog.get_logger()


class Counting:
    """The use cases about counts."""

    def __init__(self, store: CountStore, cache: CountCache) -> None:
        self._store = store
        self._cache = cache

    async def lookup(self, tweet_ids: Sequence[int]) -> list[TweetCounts]:
        """Count for 1 to `MAX_IDS_PER_LOOKUP` tweets, in the order asked for.

        From the cache, and of those that it has not from the store. Raises `InvalidArgumentError`
        beyond the limits or for an id that is not positive.
        """
        check_ids("tweet_ids", tweet_ids, most=MAX_IDS_PER_LOOKUP)
        wanted = list(dict.fromkeys(tweet_ids))
        token = secrets.token_bytes(TOKEN_BYTES)
        try:
            found = await self._cache.get(wanted, token)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache=COUNTS)
            found = await self._store.counts(wanted)
        else:
            if left := [tweet_id for tweet_id in wanted if tweet_id not in found]:
                stored = await self._store.counts(left)
                found |= stored
                await self._fill(stored.values(), token)
        return [found[tweet_id] for tweet_id in tweet_ids]

    async def settle(self, edges: Collection[Edge]) -> None:
        """Have the counts take in how these edges stand, in the store and then in the cache.

        Idempotent. Raises `UnavailableError` as long as either does not know.
        """
        await self._store.settle(edges)
        await self.forget({edge.tweet_id for edge in edges})

    async def forget(self, tweet_ids: Collection[int]) -> None:
        """Have the cache look into the store again; raises `UnavailableError`."""
        await self._cache.forget(tweet_ids)

    async def _fill(self, counts: Collection[TweetCounts], token: bytes) -> None:
        try:
            await self._cache.fill(counts, token)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache=COUNTS)
