"""Which tweets of a list's members a reader is shown: one pure rule."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from services.list.model import EncodedTweet

__all__ = ["by_seen_authors"]


def by_seen_authors(tweets: Sequence[EncodedTweet], unseen: AbstractSet[int]) -> list[EncodedTweet]:
    """Leave out authors whom the reader mutes or shares a block with."""
    return [tweet for tweet in tweets if tweet.author_id not in unseen]
