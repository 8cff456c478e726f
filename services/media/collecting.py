"""Collecting what nobody needs: pictures that no tweet carries, a while after they were asked for.

Every replica does this, and none has to know of the others: who collects a picture is decided in
its row, where a tweet would have to be written that is to carry it.
"""

from collections.abc import Collection
from typing import Final

from services.media.media_metrics import MediaMetrics
from services.media.model import Media
from services.media.ports import MediaStore, Tweets
from services.media.removal import Removal
from services.platform.ids.snowflake_time import first_id_at, time_ms
from services.platform.runtime.clock import Clock

__all__ = ["SETTLE_MS", "STEP_EVERY_S", "Collecting"]

STEP_EVERY_S: Final = 5.0
"""Between looks, which cost one read as a rule."""
PER_STEP: Final = 160
"""Pictures looked at together: seconds of deleting files."""
SETTLE_MS: Final = 600_000
"""How long after a tweet's id was made the tweet may still come to be: far longer than its request
takes (5 s), and the sweep of an outbox after a crash."""
_MS: Final = 1_000


class Collecting:
    """One look at what is unsettled, again and again."""

    def __init__(  # noqa: PLR0913 - one argument per port, and one rule
        self,
        *,
        store: MediaStore,
        removal: Removal,
        tweets: Tweets,
        clock: Clock,
        metrics: MediaMetrics,
        after_s: int,
    ) -> None:
        """Collect what no tweet carries `after_s` seconds after it was asked for."""
        self._store = store
        self._removal = removal
        self._tweets = tweets
        self._clock = clock
        self._metrics = metrics
        self._after_ms = after_s * _MS

    async def step(self) -> None:
        """Look at some of those that are old enough. Raises `UnavailableError`."""
        below = first_id_at(self._clock.now_ms() - self._after_ms)
        media_ids = await self._store.unsettled(below, PER_STEP)
        if not media_ids:
            return
        found = await self._store.get_many(media_ids)
        kept = await self._kept(found.values())
        for media in found.values():
            # What is quarantined is for an operator to decide.
            if media.quarantine is None and media.upload.media_id not in kept:
                await self._collect(media)
        settled = [each for each in media_ids if self._is_settled(found.get(each), kept)]
        if settled:
            await self._store.settle(settled)

    async def _collect(self, media: Media) -> None:
        if await self._removal.collect(media):
            self._metrics.collected()

    def _is_settled(self, media: Media | None, kept: Collection[int]) -> bool:
        if media is None or media.quarantine is not None:
            return True
        return media.upload.media_id in kept and not self._may_come(media.holder)

    async def _kept(self, found: Collection[Media]) -> frozenset[int]:
        """Give those that a tweet carries, or may carry soon."""
        attached = [each for each in found if each.is_attached]
        old = sorted({each.holder for each in attached if not self._may_come(each.holder)})
        missing = frozenset(await self._tweets.missing(old)) if old else frozenset[int]()
        return frozenset(each.upload.media_id for each in attached if each.holder not in missing)

    def _may_come(self, tweet_id: int) -> bool:
        return self._clock.now_ms() - time_ms(tweet_id) < SETTLE_MS
