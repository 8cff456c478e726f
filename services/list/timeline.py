"""What the members of a list post, merged when it is read.

As home timelines merge celebrities: from the authors' own lists of tweets, of each only as far back
as it may matter. Of each a few ids are looked at, and more only where these are not enough.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from services.list.model import EncodedTweet, TweetPage
from services.list.ports import Graph, Tweets
from services.list.rules import by_seen_authors
from services.list.service import Lists

__all__ = ["ListTimelines", "certain"]

OVER_READ: Final = 8
"""Tweets read beyond a page, so that a few that are not shown cost no second round."""
FIRST_LOOK: Final = 8
"""Ids of each member that are looked at, at least; where that is too few, four times as many."""
GROWTH: Final = 4
MAX_HIDDEN: Final = 500
"""Tweets that are not shown, after which a page ends early: so much work it may be."""
MAX_PAGE_BYTES: Final = 3_000_000
"""Of a page's tweets: a channel takes 4 MiB of an answer. A page with more ends earlier; the
largest tweet has 270 kB."""


class ListTimelines:
    """Reads what members of lists post; raises what `Lists.get` does."""

    def __init__(self, lists: Lists, tweets: Tweets, graph: Graph) -> None:
        self._lists = lists
        self._tweets = tweets
        self._graph = graph

    async def page(self, reader_id: int, list_id: int, before: int | None, limit: int) -> TweetPage:
        """Tweets with id < `before` (None: all), newest first, `limit` of them if there are."""
        members = (await self._lists.get(reader_id, list_id)).members
        shown: list[EncodedTweet] = []
        hidden = 0
        while True:
            size = limit + 1 - len(shown) + OVER_READ
            ids = await self._newest(members, before, size)
            tweets = await self._tweets.encoded(ids) if ids else []
            authors = {tweet.author_id for tweet in tweets} - {reader_id}
            unseen = await self._graph.hidden(reader_id, authors) if authors else frozenset()
            found = by_seen_authors(tweets, unseen)
            shown += found
            hidden += len(ids) - len(found)
            fitting = _that_fit(shown[:limit])
            if len(fitting) < len(shown):
                return TweetPage(tuple(fitting), fitting[-1].tweet_id)
            before = ids[-1] if len(ids) == size else None
            if before is None or hidden >= MAX_HIDDEN:
                return TweetPage(tuple(fitting), before)

    async def _newest(
        self, members: Sequence[int], before: int | None, count: int
    ) -> Sequence[int]:
        """Merge the `count` newest ids of all members below `before`; fewer means all."""
        if not members:
            return ()
        each = max(FIRST_LOOK, count // len(members))
        while True:
            each = min(each, count)
            runs = await self._tweets.newest(members, before, each)
            ids = certain(runs, each)
            if len(ids) >= count or all(len(run) < each for run in runs):
                return ids[:count]
            each *= GROWTH


def certain(runs: Sequence[Sequence[int]], each: int) -> list[int]:
    """Merge runs of ids, newest first, as far down as none can be missing.

    A run of `each` ids may go on behind its last one; a shorter one has ended.
    """
    horizon = max((run[-1] for run in runs if len(run) >= each), default=0)
    return sorted((one for run in runs for one in run if one >= horizon), reverse=True)


def _that_fit(tweets: Sequence[EncodedTweet]) -> list[EncodedTweet]:
    """Give the first of these that one answer can hold."""
    sizes = accumulate(len(tweet.body) for tweet in tweets)
    return [tweet for tweet, size in zip(tweets, sizes, strict=True) if size <= MAX_PAGE_BYTES]
