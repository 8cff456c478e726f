"""Tweets as their service encodes them, with what the rule asks of them."""

from dataclasses import dataclass

__all__ = ["EncodedTweet"]


@dataclass(frozen=True, slots=True)
class EncodedTweet:
    """An encoded `aviary.tweet.v1.Tweet`, whose it is, and for whom."""

    tweet_id: int
    author_id: int
    body: bytes
    visibility: int = 0
    """The number of a `Visibility`."""
    audience: tuple[int, ...] = ()
    """Whom it mentions, of one that is for those."""
