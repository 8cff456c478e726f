"""Tweets as messages, and what they say."""

from functools import lru_cache
from typing import Final

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.muting.said import Said
from services.platform.muting.words import folded

__all__ = ["read_said"]

TWEETS_KEPT: Final = 4_000
"""Tweets whose folded text is kept, those used last: some 8 MB, of `MAX_KEPT_BYTES` each."""
MAX_KEPT_BYTES: Final = 1_000
"""Of a tweet's body and text: nearly all are shorter; the largest has 290 kB."""


def read_said(body: bytes) -> Said:
    """Read what an encoded tweet says; once, for as long as many are not read in between."""
    return _kept(body) if len(body) <= MAX_KEPT_BYTES else _read(body)


def _read(body: bytes) -> Said:
    tweet = Tweet.FromString(body)
    return Said(tweet.user_id, folded(tweet.text), tweet.quote_tweet_id)


_kept = lru_cache(maxsize=TWEETS_KEPT)(_read)
