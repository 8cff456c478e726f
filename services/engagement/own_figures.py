"""The service's own counts and edges, for the tweets that it lists itself."""

from collections.abc import Mapping, Sequence

from services.engagement.counting import MAX_IDS_PER_LOOKUP, Counting
from services.engagement.model import Kind
from services.engagement.reads import Reads
from services.platform.drawing.pieces import TweetPieces, done_of, pieces_of
from services.platform.drawing.ports import Newest

__all__ = ["OwnFigures"]


class OwnFigures:
    """`Counts` and `EngagedTweets` without a call."""

    def __init__(self, counting: Counting, reads: Reads) -> None:
        self._counting = counting
        self._reads = reads

    async def counts(self, tweet_ids: Sequence[int]) -> dict[int, TweetPieces]:
        """Read counts of the cache, or the store, of any number of tweets."""
        found = [
            each
            for start in range(0, len(tweet_ids), MAX_IDS_PER_LOOKUP)
            for each in await self._counting.lookup(tweet_ids[start : start + MAX_IDS_PER_LOOKUP])
        ]
        return {
            each.tweet_id: pieces_of(
                likes=each.by_kind.get(Kind.LIKE, 0),
                retweets=each.by_kind.get(Kind.RETWEET, 0),
                replies=each.by_kind.get(Kind.REPLY, 0),
                quotes=each.by_kind.get(Kind.QUOTE, 0),
            )
            for each in found
        }

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> dict[int, int]:
        """Read what the user did with these tweets."""
        return _done(await self._reads.engaged(user_id, tweet_ids))

    async def newest(self, user_id: int) -> Newest:
        """Read what the user did with the newest tweets."""
        newest = await self._reads.newest_engaged(user_id)
        return Newest(_done(newest.by_kind), newest.floor)


def _done(by_kind: Mapping[Kind, Sequence[int]]) -> dict[int, int]:
    return done_of(by_kind[Kind.LIKE], by_kind[Kind.RETWEET], by_kind[Kind.BOOKMARK])
