"""What viewers did with the newest tweets, in this process, each under a mark.

The mark says whether it still holds, see `services.timeline.viewer_marks`: who gives one has seen
it in Valkey a moment ago.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from services.platform.drawing.pieces import NOBODY
from services.platform.drawing.ports import Done, EngagedTweets, Newest

__all__ = ["CachedViewers"]

KEPT_TWEETS: Final = 200_000
"""Tweets kept of all viewers: some 20 MB."""
VIEWER_TWEETS: Final = 20
"""What a viewer who did nothing takes beside, as so many tweets."""


class CachedViewers:
    """Says what a viewer did with tweets; raises what its source does."""

    def __init__(self, source: EngagedTweets, *, kept_tweets: int = KEPT_TWEETS) -> None:
        self._source = source
        self._kept_tweets = kept_tweets
        self._tweets = 0
        self._viewers: OrderedDict[int, tuple[bytes, Newest]] = OrderedDict()

    def kept(self, viewer: int, tweet_ids: Sequence[int], mark: bytes) -> list[int] | None:
        """What the viewer did with each tweet, where that is here; `NOBODY` for no viewer (0)."""
        if not viewer:
            return [NOBODY] * len(tweet_ids)
        newest = self._newest(viewer, mark) if mark else None
        if newest is None or (newest.floor and min(tweet_ids) < newest.floor):
            return None
        return _each(newest.done, tweet_ids)

    async def done(self, viewer: int, tweet_ids: Sequence[int], mark: bytes) -> list[int]:
        """What a viewer did with each tweet; without a mark it is looked up."""
        if not mark:
            return _each(await self._source.engaged(viewer, tweet_ids), tweet_ids)
        newest = self._newest(viewer, mark)
        if newest is None:
            newest = await self._source.newest(viewer)
            self._keep(viewer, mark, newest)
        below = [one for one in tweet_ids if one < newest.floor]
        older = await self._source.engaged(viewer, below) if below else {}
        return _each({**newest.done, **older}, tweet_ids)

    def _newest(self, viewer: int, mark: bytes) -> Newest | None:
        kept = self._viewers.get(viewer)
        if kept is None or kept[0] != mark:
            return None
        self._viewers.move_to_end(viewer)
        return kept[1]

    def _keep(self, viewer: int, mark: bytes, newest: Newest) -> None:
        if before := self._viewers.pop(viewer, None):
            self._tweets -= _size(before[1])
        self._viewers[viewer] = (mark, newest)
        self._tweets += _size(newest)
        while self._tweets > self._kept_tweets and len(self._viewers) > 1:
            _, (_, oldest) = self._viewers.popitem(last=False)
            self._tweets -= _size(oldest)


def _each(done: Done, tweet_ids: Sequence[int]) -> list[int]:
    if done.keys().isdisjoint(tweet_ids):
        return [0] * len(tweet_ids)
    return [done.get(tweet_id, 0) for tweet_id in tweet_ids]


def _size(newest: Newest) -> int:
    return VIEWER_TWEETS + len(newest.done)
