"""Encoded tweets in Valkey, shared by all readers.

A value is one flags byte (bit 0: deleted, bits 1 to 6: visibility, bit 7: retweet), 8 bytes of
author id and the encoded protobuf tweet. That of a retweet has 8 bytes of the tweet's id instead.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import structlog

from services.platform.observability.log_events import EVENT_CACHE_DAMAGED
from services.platform.valkey.announcements import announce
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.script import Script
from services.timeline.keys import tweet_cache_key
from services.timeline.model import BodyFacts, EncodedTweet
from services.timeline.spec import DELETED

__all__ = ["ReadTweet", "TweetCache"]

TWEETS = "tweets"
"""The cache's name in metrics, where a tombstone is a hit."""
_DEFAULT_TTL_S = 86_400
"""Life of an entry in seconds. A tombstone must outlive any read that began before the delete."""
_MISSING_TTL_S = 3_600
"""Life of an entry about a tweet that its service did not find, in seconds: one look an hour, for
all readers. Shorter than a tombstone's, as nobody said that it was deleted: a row that could not be
read may be mended."""
_HEADER = struct.Struct(">BQ")
_DELETED = 0x01
_VISIBILITY_SHIFT = 1
_VISIBILITY_MASK = 0x3F
_RETWEET = 0x80
_TWEET_ID = struct.Struct(">Q")
_FORGET = """
-- KEYS: entry; ARGV: what it must hold to be forgotten. A tombstone put there meanwhile stays.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_READ = """
-- KEYS: entries. Returns their values, nil for none.
return redis.call('MGET', unpack(KEYS))
"""
_PUT = """
-- KEYS: entries; ARGV: TTL in ms, then a value for each. Sets those that are absent.
for place, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[place + 1], 'NX', 'PX', ARGV[1])
end
return 0
"""
_ENTRIES_PER_SCRIPT = 200
"""A script blocks its node: some hundreds of microseconds at this size."""

ReadTweet = Callable[[int, int, bytes], BodyFacts | None]
"""Gives what rules ask of a body, that of the tweet and author; None for any other body. It says
for whom the tweet is: the header, which a process of the release before wrote as that of a public
tweet, may not know.
A page is put together of bodies as they are: a damaged one would make all of it unreadable."""

_log = structlog.get_logger()


class TweetCache:
    """A read-through cache of tweets; every method raises `UnavailableError` on failure."""

    def __init__(
        self,
        client: ValkeyClient,
        ttl_s: float = _DEFAULT_TTL_S,
        metrics: CacheMetrics | None = None,
        *,
        read_tweet: ReadTweet = lambda *_: BodyFacts(),
    ) -> None:
        self._client = client
        self._metrics = metrics or CacheMetrics()
        self._ttl_ms = int(ttl_s * 1_000)
        self._read_tweet = read_tweet
        self._read = Script(client, _READ)
        self._fill = Script(client, _PUT)
        self._forget = Script(client, _FORGET)

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Read the cached ones among `tweet_ids`, tombstones included; the others are left out."""
        if not tweet_ids:
            return {}
        keys = [tweet_cache_key(tweet_id) for tweet_id in tweet_ids]
        pages = self._read.pages(keys, _ENTRIES_PER_SCRIPT)
        answers = await self._read.run_pages([(page, ()) for page in pages])
        read = dict(zip(chain(*pages), chain(*answers), strict=True))
        values = [read[key] for key in keys]
        found: dict[int, EncodedTweet] = {}
        for tweet_id, key, value in zip(tweet_ids, keys, values, strict=True):
            if isinstance(value, bytes):
                try:
                    found[tweet_id] = _decode(tweet_id, value, self._read_tweet)
                except ValueError:
                    _log.error(EVENT_CACHE_DAMAGED, key=repr(key))
                    await self._forget.run([key], value)
        self._metrics.hit(TWEETS, len(found))
        self._metrics.miss(TWEETS, len(tweet_ids) - len(found))
        return found

    async def put_many(self, tweets: Iterable[EncodedTweet]) -> None:
        """Cache those tweets that are absent: a late reader never overwrites a tombstone."""
        await self._put(tweets, self._ttl_ms)

    async def put_missing(self, tombstones: Iterable[EncodedTweet]) -> None:
        """Cache that these were not found, where nothing is cached."""
        await self._put(tombstones, min(self._ttl_ms, _MISSING_TTL_S * 1_000))

    async def _put(self, tweets: Iterable[EncodedTweet], ttl_ms: int) -> None:
        values = {tweet_cache_key(tweet.tweet_id): _encode(tweet) for tweet in tweets}
        if not values:
            return
        await self._fill.run_pages(
            [
                (page, (ttl_ms, *(values[key] for key in page)))
                for page in self._fill.pages(list(values), _ENTRIES_PER_SCRIPT)
            ]
        )

    async def put_tombstone(self, tweet_id: int) -> None:
        """Mark a tweet deleted, whatever was cached, then publish that to all who keep tweets."""
        deleted = _encode(EncodedTweet.tombstone(tweet_id))
        with valkey_errors():
            await self._client.set(tweet_cache_key(tweet_id), deleted, px=self._ttl_ms)
        await announce(self._client, DELETED, tweet_id)

    async def forget(self, tweet_id: int) -> None:
        """Forget a tombstone; what else is cached stays."""
        hidden = _encode(EncodedTweet.tombstone(tweet_id))
        await self._forget.run([tweet_cache_key(tweet_id)], hidden)


def _encode(tweet: EncodedTweet) -> bytes:
    flags = (tweet.visibility << _VISIBILITY_SHIFT) | (_DELETED if tweet.deleted else 0)
    if tweet.retweet_of:
        return _HEADER.pack(flags | _RETWEET, tweet.author_id) + _TWEET_ID.pack(tweet.retweet_of)
    return _HEADER.pack(flags, tweet.author_id) + tweet.body


def _decode(tweet_id: int, value: bytes, read_tweet: ReadTweet) -> EncodedTweet:
    """Read a value. Raises `ValueError` for one that this module did not write."""
    if len(value) < _HEADER.size:
        raise ValueError("too short")
    flags, author_id = _HEADER.unpack_from(value)
    body = value[_HEADER.size :]
    visibility = flags >> _VISIBILITY_SHIFT & _VISIBILITY_MASK
    if flags & _RETWEET:
        if flags & _DELETED or len(body) != _TWEET_ID.size:
            raise ValueError("no retweet")
        (of,) = _TWEET_ID.unpack(body)
        return EncodedTweet(tweet_id, author_id, False, visibility, b"", retweet_of=of)  # noqa: FBT003
    facts = BodyFacts() if flags & _DELETED else read_tweet(tweet_id, author_id, body)
    if facts is None or (flags & _DELETED and body):
        raise ValueError("another tweet")
    return EncodedTweet(
        tweet_id=tweet_id,
        author_id=author_id,
        deleted=bool(flags & _DELETED),
        visibility=facts.visibility or visibility,
        body=body,
        answered_id=facts.answered_id,
        audience=facts.audience,
    )
