"""Whether a tweet refers to others: most do not, and need not be read by whoever acts on that."""

from dataclasses import dataclass

from services.tweet.model import Tweet

__all__ = ["RefersTo", "refers_to"]


@dataclass(frozen=True, slots=True)
class RefersTo:
    """Of what kinds a tweet refers to others."""

    tweets: bool
    """Whether it answers or quotes one."""
    users: bool
    """Whether it mentions one."""


def refers_to(tweet: Tweet) -> RefersTo:
    """Say what a tweet refers to."""
    return RefersTo(
        tweets=bool(tweet.in_reply_to_tweet_id or tweet.quote_tweet_id),
        users=bool(tweet.entities.mentions),
    )
