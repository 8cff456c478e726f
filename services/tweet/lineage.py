"""Where a reply is in its conversation: known from the tweet that it answers alone."""

from typing import Final

from services.tweet.model import Lineage, Tweet

__all__ = ["MAX_ANCESTORS", "ancestor_ids_of", "lineage_below"]

MAX_ANCESTORS: Final = 20
"""Tweets above a reply that its row names: some screens of them, and 400 bytes."""


def lineage_below(parent: Tweet) -> Lineage:
    """Say where a reply to `parent` is."""
    above = (*ancestor_ids_of(parent), parent.tweet_id)
    return Lineage(parent.conversation_id, above[-MAX_ANCESTORS:])


def ancestor_ids_of(tweet: Tweet) -> tuple[int, ...]:
    """Return what is known of those above a tweet; of an older row the one it answers alone."""
    answered = tweet.in_reply_to_tweet_id
    return tweet.lineage.ancestor_ids or ((answered,) if answered else ())
