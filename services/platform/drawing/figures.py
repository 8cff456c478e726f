"""Figures: how often what was done with tweets, and what of it by the one who reads."""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.outage import Spared
from services.platform.drawing.pieces import (
    NOBODY,
    UNKNOWN_COUNTS,
    TweetPiece,
    TweetPieces,
    without,
)
from services.platform.drawing.viewers import CachedViewers

__all__ = ["SETTLE_S", "Figures"]

SETTLE_S: Final = 0.5
"""How long a count that has changed is shown as it was, at most, in seconds: a tweet that everybody
likes at once is looked up twice a second."""


class Figures:
    """Adds to tweets what is known of both; what is not known is left out."""

    def __init__(self, counts: LookedUp[TweetPieces], viewers: CachedViewers) -> None:
        self._counts = counts
        self._viewers = viewers
        self._counting = Spared("counts")
        self._viewing = Spared("viewer")

    async def of(
        self, tweet_ids: Sequence[int], viewer: int = 0, mark: bytes = b"", withheld: int = 0
    ) -> list[TweetPiece]:
        """Give the piece of each tweet, for the viewer (0: nobody in particular).

        `mark` is the viewer's, as seen in Valkey by this read; `withheld` has the bits of what is
        not said of what the viewer did. No failure of a source is raised.
        """
        if not tweet_ids:
            return []
        # A warm page has both here, and pays for no task.
        counts = self._counts.kept(tweet_ids)
        done = self._viewers.kept(viewer, tweet_ids, mark)
        if counts is None and done is None:
            counts, done = await asyncio.gather(
                self._counted(tweet_ids), self._done(viewer, tweet_ids, mark)
            )
        elif counts is None:
            counts = await self._counted(tweet_ids)
        elif done is None:
            done = await self._done(viewer, tweet_ids, mark)
        counts = counts or [UNKNOWN_COUNTS] * len(tweet_ids)
        done = done or [NOBODY] * len(tweet_ids)
        if withheld:
            done = [without(withheld, each) for each in done]
        return [pieces[each] for pieces, each in zip(counts, done, strict=True)]

    async def _counted(self, tweet_ids: Sequence[int]) -> list[TweetPieces] | None:
        return await self._counting.ask(lambda: self._counts.get_many(tweet_ids))

    async def _done(self, viewer: int, tweet_ids: Sequence[int], mark: bytes) -> list[int] | None:
        return await self._viewing.ask(lambda: self._viewers.done(viewer, tweet_ids, mark))
