"""A tweet as the hot read path carries it: encoded once, never parsed again on the way out."""

from dataclasses import dataclass
from typing import Self

__all__ = ["EncodedTweet"]


@dataclass(frozen=True, slots=True)
class EncodedTweet:
    """A tweet's encoded protobuf `body` and the few facts that the visibility rules need.

    A deleted tweet (a tombstone) has an empty body, and author and visibility 0.
    """

    tweet_id: int
    author_id: int
    deleted: bool
    visibility: int
    """The number of the proto enum, 0 to 127."""
    body: bytes

    @classmethod
    def tombstone(cls, tweet_id: int) -> Self:
        """Make what stands for a deleted tweet."""
        return cls(tweet_id, author_id=0, deleted=True, visibility=0, body=b"")
