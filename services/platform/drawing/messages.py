"""Answers that are made of messages, and are drawn before they are sent."""

from collections.abc import Sequence

from aviary.tweet.v1.includes_pb2 import Includes
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.drawing.drawing import Drawing
from services.platform.drawing.expansions import Expansion
from services.platform.drawing.ports import ReferencedTweet
from services.platform.muting.words import NOTHING_MUTED, MutedWords

__all__ = ["draw_messages"]


async def draw_messages(  # noqa: PLR0913 - as `Drawing.draw`
    drawing: Drawing,
    tweets: Sequence[Tweet],
    viewer: int,
    expansions: frozenset[Expansion],
    withheld: int,
    *,
    words: MutedWords = NOTHING_MUTED,
) -> Includes | None:
    """Add to each of the tweets what `drawing` has for it; give what is included, None for nothing.

    `viewer` is the one who reads, 0 for nobody in particular; see `withheld_from`, and `words` of
    `Drawing.draw`.
    """
    drawn = await drawing.draw(
        [
            ReferencedTweet(tweet.tweet_id, tweet.user_id, tweet.SerializeToString())
            for tweet in tweets
        ],
        viewer,
        expansions=expansions,
        withheld=withheld,
        words=words,
    )
    for tweet, piece in zip(tweets, drawn.pieces, strict=True):
        tweet.MergeFromString(piece.encoded)
    return Includes.FromString(drawn.includes) if drawn.includes else None
