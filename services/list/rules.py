"""Which tweets of a list's members a reader is shown: one pure rule."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from services.platform.visibility.encoded import EncodedTweet

__all__ = ["by_seen"]


def by_seen(tweets: Sequence[EncodedTweet], seen: AbstractSet[int]) -> list[EncodedTweet]:
    """Leave out what the reader may not see, whom they mute or block, and words they mute."""
    return [tweet for tweet in tweets if tweet.tweet_id in seen]
