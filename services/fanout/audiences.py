"""Pushing tweets that are for those alone whom they mention: to those of them who follow.

They are few, so the number of the author's followers does not matter: such a tweet is pushed also
where others of its author are left to the readers, who find it once all the same.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from services.fanout.model import Priority
from services.fanout.planning import PUSHING_MAX_S, batches
from services.fanout.ports import Jobs, Lag, TimelinePushes
from services.platform.errors import UnavailableError
from services.platform.visibility.ports import Sights

__all__ = ["Audiences"]

READERS_PER_PAGE = 1_000
"""As many as a job has; a text has room for a tenth of that."""


class Audiences:
    """The use case; raises `UnavailableError` where the graph or the bus does not answer."""

    def __init__(
        self,
        *,
        sights: Sights,
        jobs: Jobs,
        timelines: TimelinePushes,
        lag: Lag,
        held: Callable[[Priority], bool] = lambda _: False,
    ) -> None:
        self._sights = sights
        self._jobs = jobs
        self._timelines = timelines
        self._lag = lag
        self._held = held

    async def push(self, tweets: Mapping[int, tuple[int, Sequence[int]]]) -> None:
        """Push tweets, each with its author and audience. Idempotent."""
        pairs = {(reader, author) for author, audience in tweets.values() for reader in audience}
        sights = await self._sights.of_pairs(pairs) if pairs else {}
        pages = [
            (tweet_id, readers[:READERS_PER_PAGE])
            for tweet_id, (author, audience) in tweets.items()
            if (readers := [one for one in audience if sights[one, author].following])
        ]
        if pages and not await self._pushed(pages):
            await self._jobs.enqueue(Priority.REST, pages)
        for tweet_id in tweets:
            self._lag.planned(tweet_id, pushed=True)

    async def _pushed(self, pages: Sequence[tuple[int, Sequence[int]]]) -> bool:
        """Push these at once, unless operators hold them back, or the store does not answer."""
        if self._held(Priority.REST):
            return False
        until_s = time.monotonic() + PUSHING_MAX_S
        try:
            for batch in batches(pages):
                if time.monotonic() >= until_s:
                    return False
                await self._timelines.push_homes(dict(batch))
        except UnavailableError:
            return False
        for tweet_id, _ in pages:
            self._lag.pushed(tweet_id)
        return True
