"""How many tweets authors have, read for many at once.

What is older than `KEPT_AFTER_MS` is counted once and kept, what is younger by each reader. So a
change is to be told only if it is of something old: what is told while it is young was there, or
gone, before anybody kept a count of it. A post is young, nearly always, and costs nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog

from services.platform.errors import UnavailableError
from services.platform.ids.arguments import check_ids
from services.platform.ids.snowflake_time import first_id_at
from services.platform.observability.log_events import EVENT_TWEET_COUNT_FAILED
from services.platform.runtime.clock import Clock
from services.platform.runtime.lasting import Lasting
from services.tweet.ports import AuthorCounts

__all__ = ["KEPT_AFTER_MS", "MAX_IDS_PER_LOOKUP", "RECOUNT_AFTER_MS", "YOUNG_MS", "AuthorCounting"]

MAX_IDS_PER_LOOKUP: Final = 1_000
"""Users counted by one call; answers stay under 30 kB."""
LISTS_AT_ONCE: Final = 8
"""Whole lists counted at the same time."""
WAIT_S: Final = 0.2
"""For lists that were never counted, in seconds: nearly all are read in milliseconds."""

KEPT_AFTER_MS: Final = 600_000
"""Ten minutes: hardly anybody posts more in these than one read gives."""
YOUNG_MS: Final = KEPT_AFTER_MS // 2
"""So much of that may pass until a message is handled; the rest is for clocks that differ. What is
handled later, as after an outage, is counted."""
MANY: Final = 50
"""Places that each reader looks at, after which they are counted for all, behind the answer."""
RECOUNT_AFTER_MS: Final = 86_400_000
"""A day, after which a list is counted again when its author is read, behind the answer: a process
of an earlier release takes messages and counts nothing, and clocks may have been far off."""

_log = structlog.get_logger()


class AuthorCounting:
    """The use cases about counts of tweets. For one event loop."""

    def __init__(self, counts: AuthorCounts, clock: Clock) -> None:
        self._counts = counts
        self._clock = clock
        self._counted = Lasting(self._count, at_once=LISTS_AT_ONCE)

    async def lookup(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read how many tweets and retweets 1 to `MAX_IDS_PER_LOOKUP` users have; 0 for nobody.

        Who was never asked for before is counted from the list: without those for whom that takes
        longer than `WAIT_S`, whom a later call gives. Raises `InvalidArgumentError` beyond the
        limits or for an id that is not positive.
        """
        check_ids("user_ids", user_ids, most=MAX_IDS_PER_LOOKUP)
        wanted = dict.fromkeys(user_ids)
        totals = await self._counts.totals(wanted)
        now_ms = self._clock.now_ms()
        relist_before_ms = now_ms - RECOUNT_AFTER_MS
        # What is younger would soon have to be counted once more.
        settled = first_id_at(now_ms - 2 * KEPT_AFTER_MS)
        for user_id, total in totals.items():
            if total.listed_ms < relist_before_ms or (total.unkept >= MANY and total.end < settled):
                self._counted.begin(user_id)
        found = {user_id: total.count for user_id, total in totals.items()}
        return found | await self._counted.within(wanted.keys() - found.keys(), WAIT_S)

    async def changed(self, tweets: Mapping[int, Collection[int]]) -> None:
        """Have the totals of authors take in how these of their tweets and retweets stand.

        To be called once they do. Reads nothing for what is young. Idempotent. Raises
        `UnavailableError`, and is to be repeated then.
        """
        young = first_id_at(self._clock.now_ms() - YOUNG_MS)
        old = {
            author: kept
            for author, ids in tweets.items()
            if (kept := {i for i in ids if i < young})
        }
        if old:
            await self._counts.settle(old)

    async def _count(self, user_id: int) -> int | None:
        try:
            now_ms = self._clock.now_ms()
            return await self._counts.count(
                user_id,
                end=first_id_at(now_ms - KEPT_AFTER_MS),
                now_ms=now_ms,
                relist_before_ms=now_ms - RECOUNT_AFTER_MS,
            )
        except UnavailableError as error:
            _log.warning(EVENT_TWEET_COUNT_FAILED, user_id=user_id, error=str(error))
            return None
