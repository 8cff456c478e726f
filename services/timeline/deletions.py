"""Deleted tweets, as they are announced to every process that keeps tweets."""

import struct
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from services.platform.valkey.announcements import AnnouncementListener
from services.timeline.local_tweets import LocalTweets

__all__ = ["CHANNEL", "deletion_listener", "encode_deletion"]

CHANNEL: Final = b"tweets.deleted"

_ID = struct.Struct(">Q")


def encode_deletion(tweet_id: int) -> bytes:
    """Encode one message of `CHANNEL`."""
    return _ID.pack(tweet_id)


def deletion_listener(connect: Callable[[], Redis], tweets: LocalTweets) -> AnnouncementListener:
    """Make what reports deletions to tweets kept in this process."""
    return AnnouncementListener(connect, CHANNEL, _DeletedTweets(tweets))


class _DeletedTweets:
    """Tweets kept in this process, as the hearer of deletions."""

    def __init__(self, tweets: LocalTweets) -> None:
        self.open = tweets.open
        self.close = tweets.close
        self._tweets = tweets

    def hear(self, message: bytes) -> None:
        """Replace a tweet that was deleted."""
        if len(message) != _ID.size:
            raise ValueError(f"{message!r} is no tweet id")
        self._tweets.put_tombstone(*_ID.unpack(message))
