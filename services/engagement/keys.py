"""The engagement service's row keys, columns and cache keys: built and parsed here alone."""

from typing import Final

from services.engagement.model import Edge, Kind
from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    ID_MASK,
    SHARD_HEX_DIGITS,
    KeyRange,
    checked_id,
    parse_hex,
    range_of,
    shard_of,
)

__all__ = [
    "COUNT_PARTS",
    "cache_key",
    "column_of",
    "count_row_key",
    "engaged_row_key",
    "engagers_range",
    "engagers_row_key",
    "kind_range",
    "parse_engagers_row_key",
    "tweet_of",
]

TWEET_SHARDS: Final = 64
"""Row-key prefixes of what is kept of tweets: most of what is done is done with the newest, and
without a prefix all of it would land on one tablet."""

COUNT_PARTS: Final = 8
"""Rows that the counts of a tweet may be spread over: a row takes some hundred increments a second
at scale. One is enough for nearly all."""

_ID_BYTES = 8


def engaged_row_key(kind: Kind, actor_id: int) -> bytes:
    """`{kind}#{actor:016x}`: what an actor did, a column for each tweet."""
    return f"{kind.value}#{checked_id(actor_id):016x}".encode()


def column_of(tweet_id: int) -> bytes:
    """Return the column of a tweet in an actor's row: the newest sorts first."""
    return (checked_id(tweet_id) ^ ID_MASK).to_bytes(_ID_BYTES, "big")


def tweet_of(column: bytes) -> int | None:
    """Return the tweet of a column of an actor's row; None for one that no change has written."""
    if len(column) != _ID_BYTES:
        return None
    tweet_id = int.from_bytes(column, "big") ^ ID_MASK
    return tweet_id if tweet_id == tweet_id & (ID_MASK >> 1) else None


def engagers_row_key(edge: Edge) -> bytes:
    """`{shard:02x}#{tweet:016x}#{kind}#{actor:016x}`: one of those who did something."""
    return f"{_tweet(edge.tweet_id)}#{edge.kind.value}#{checked_id(edge.actor_id):016x}".encode()


def parse_engagers_row_key(key: bytes) -> Edge:
    """Return the edge; `ValueError` if this is no such row key."""
    shard, tweet, kind, actor = key.split(b"#")
    edge = Edge(Kind(kind.decode()), parse_hex(actor, ID_HEX_DIGITS), parse_hex(tweet, 16))
    if parse_hex(shard, SHARD_HEX_DIGITS) != shard_of(edge.tweet_id, TWEET_SHARDS):
        raise ValueError(f"the shard of row key {key!r} is not its tweet's")
    return edge


def engagers_range(tweet_id: int) -> KeyRange:
    """Select all who did anything with the tweet."""
    return range_of(_tweet(tweet_id))


def kind_range(kind: Kind, tweet_id: int, after: int | None = None) -> KeyRange:
    """Select who did this with the tweet, with id > `after` (None: all), by rising id."""
    whole = range_of(f"{_tweet(tweet_id)}#{kind.value}")
    if after is None:
        return whole
    return KeyRange(engagers_row_key(Edge(kind, after, tweet_id)) + b"\x00", whole.end)


def count_row_key(tweet_id: int, part: int = 0) -> bytes:
    """`{shard:02x}#{tweet:016x}#{part}`: a part of the tweet's counts; 0 is always looked at."""
    return f"{_tweet(tweet_id)}#{part}".encode()


def cache_key(tweet_id: int) -> bytes:
    """`engagement:counts:{tweet}`: the hash of the tweet's counts in Valkey."""
    return b"engagement:counts:%d" % tweet_id


def _tweet(tweet_id: int) -> str:
    return f"{shard_of(tweet_id, TWEET_SHARDS):02x}#{checked_id(tweet_id):016x}"
