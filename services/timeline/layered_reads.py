"""The layered reads: this process first, then Valkey, then the source."""

import random
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.names import EVENT_CACHE_UNAVAILABLE
from services.timeline.encoded import EncodedTweet
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.local_tweets import LocalTweets
from services.timeline.model import HotHome, Ids, ViewerRelations
from services.timeline.ports import Relations
from services.timeline.relations_cache import NONCE_BYTES, RelationsCache
from services.timeline.tweet_cache import TweetCache

__all__ = ["CachedTweets", "LayeredHotTimelines"]

LOCAL_RELATION_IDS = 500_000  # ids of all viewers kept in process: about 35 MB
_COUNT = struct.Struct(">I")
ID_BYTES = 8

_log = structlog.get_logger()


class TweetSource(Protocol):
    """The tweet service."""

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        """Tweets found, and ids that are missing or deleted."""
        ...


class LayeredHotTimelines:
    """Hot timelines, each home with its viewer's relations: one Valkey call for both.

    Relations stay in this process under their nonce, which each call checks: so they are never
    staler than what Valkey has, and travel only after a change.
    """

    def __init__(self, hot: ValkeyHotTimelines, cache: RelationsCache, source: Relations) -> None:
        self._hot = hot
        self._cache = cache
        self._source = source
        self._local = _LocalRelations(LOCAL_RELATION_IDS)
        self._nonces = random.Random()  # noqa: S311 - unlike any other, not secret

    async def home(self, viewer: int, before: int | None, count: int) -> HotHome:
        """See `HotTimelines.home`."""
        known = self._local.get(viewer)
        nonce = known[0] if known else b""
        entry = self._cache.entry(viewer, nonce, self._nonces.randbytes(NONCE_BYTES))
        found, run = await self._hot.home(entry, viewer, before, count)
        if known and not found:
            self._cache.unchanged()
            return HotHome(known[1], run)
        return HotHome(await self._relations(viewer, found), run)

    async def _relations(self, viewer: int, entry: bytes) -> ViewerRelations:
        nonce, blob = self._cache.parse(entry)
        relations = None if blob is None else _decode(blob)
        if relations is None:
            relations = await self._source.fetch(viewer)
            if not await self._cache.fill(viewer, nonce, _encode(relations)):
                return relations
        self._local.put(viewer, nonce, relations)
        return relations

    async def authors(
        self, authors: Sequence[int], before: int | None, count: int
    ) -> list[Ids | None]:
        """See `HotTimelines.authors`."""
        return await self._hot.authors(authors, before, count)

    async def begin_warm_home(self, viewer: int, token: bytes) -> bool:
        """See `HotTimelines.begin_warm_home`."""
        return await self._hot.begin_warm_home(viewer, token)

    async def finish_warm_home(self, viewer: int, token: bytes, run: Ids) -> None:
        """See `HotTimelines.finish_warm_home`."""
        await self._hot.finish_warm_home(viewer, token, run)

    async def begin_warm_author(self, author: int, token: bytes) -> bool:
        """See `HotTimelines.begin_warm_author`."""
        return await self._hot.begin_warm_author(author, token)

    async def finish_warm_author(self, author: int, token: bytes, run: Ids) -> None:
        """See `HotTimelines.finish_warm_author`."""
        await self._hot.finish_warm_author(author, token, run)

    async def forget_home(self, viewer: int) -> None:
        """See `HotTimelines.forget_home`."""
        # In this order: a list that is warmed in between was read under the relations as they are.
        await self._cache.invalidate(viewer)
        await self._hot.drop_home(viewer)


class _LocalRelations:
    """The relations last used, by viewer; at most `capacity` ids in all."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._ids = 0
        self._entries: OrderedDict[int, tuple[bytes, ViewerRelations]] = OrderedDict()

    def get(self, viewer: int) -> tuple[bytes, ViewerRelations] | None:
        entry = self._entries.get(viewer)
        if entry:
            self._entries.move_to_end(viewer)
        return entry

    def put(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> None:
        previous = self._entries.pop(viewer, None)
        if previous:
            self._ids -= _size(previous[1])
        self._entries[viewer] = (nonce, relations)
        self._ids += _size(relations)
        while self._ids > self._capacity and len(self._entries) > 1:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._ids -= _size(oldest)


def _size(relations: ViewerRelations) -> int:
    # One more, so that viewers who follow nobody are counted too.
    return 1 + len(relations.following) + len(relations.hidden)


def _encode(relations: ViewerRelations) -> bytes:
    """Count of followed users in 4 bytes, their ids, then the hidden ones; 8 bytes each."""
    ids = [*relations.following, *relations.hidden]
    return _COUNT.pack(len(relations.following)) + struct.pack(f">{len(ids)}Q", *ids)


def _decode(blob: bytes) -> ViewerRelations | None:
    """Read what `_encode` gave; None for anything else, which is then fetched anew."""
    count, rest = divmod(len(blob) - _COUNT.size, ID_BYTES)
    if count < 0 or rest:
        return None
    (following,) = _COUNT.unpack_from(blob)
    if following > count:
        return None
    ids = struct.unpack_from(f">{count}Q", blob, _COUNT.size)
    return ViewerRelations(frozenset(ids[:following]), frozenset(ids[following:]))


class CachedTweets:
    """Tweet bodies: from this process, then one look in Valkey, then one call for the rest."""

    def __init__(self, local: LocalTweets, cache: TweetCache, source: TweetSource) -> None:
        self._local = local
        self._cache = cache
        self._source = source

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Encoded tweets by id; unknown ones are missing, deleted ones may be."""
        found, wanted = self._local.get_many(tweet_ids)
        if wanted:
            fetched = await self._fetch(wanted)
            self._local.put_many(fetched.values())
            found |= fetched
        return found

    async def _fetch(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        try:
            found = await self._cache.get_many(tweet_ids)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="tweets")
            found = {}
        unknown = [tweet_id for tweet_id in tweet_ids if tweet_id not in found]
        if unknown:
            fetched, _ = await self._source.lookup(unknown)
            await self._remember(fetched)
            found |= {tweet.tweet_id: tweet for tweet in fetched}
        return found

    async def _remember(self, tweets: list[EncodedTweet]) -> None:
        try:
            await self._cache.put_many(tweets)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="tweets")
