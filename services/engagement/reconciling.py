"""Putting counts right: those of some tweets when an operator asks, and of all in the background.

One replica at a time goes through all tweets, a few at each step, and notes how far it is. Should
two believe that it is their turn, the work is done twice, and no harm is.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from services.engagement.counting import Counting
from services.engagement.model import Drift
from services.engagement.ports import ChangingTooFastError, JobStore, Recount
from services.platform.ids.arguments import check_ids
from services.platform.runtime.clock import Clock

__all__ = ["MAX_TWEETS", "Reconciling"]

MAX_TWEETS: Final = 100
"""Tweets of one call: each is as much work as it has edges."""
JOB: Final = "reconcile"
EDGES_PER_STEP: Final = 500
"""Edges of one step, and those besides of a tweet that has more: some tens of milliseconds."""
STEP_EVERY_S: Final = 10.0
"""Between two steps: five million edges a day, at a hundredth of a processor."""
STEP_MAX_S: Final = 20.0
"""A step ends with the tweet after which it has taken so long."""
PASS_EVERY_S: Final = 600.0
"""Between the end of one pass and the next, where there are few tweets."""
LEASE_MS: Final = 60_000
"""After so long without a step another replica goes on."""

_MS_PER_S = 1_000


class Reconciling:
    """Compares counts with edges, and reports and repairs those that are off."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        recount: Recount,
        counting: Counting,
        jobs: JobStore,
        clock: Clock,
        owner: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recount = recount
        self._counting = counting
        self._jobs = jobs
        self._clock = clock
        self._owner = owner
        self._monotonic = monotonic

    async def reconcile(self, tweet_ids: Sequence[int]) -> list[Drift]:
        """Put the counts of 1 to `MAX_TWEETS` tweets right; gives what was off.

        Raises `InvalidArgumentError` beyond the limits or for an id that is not positive, and
        `UnavailableError` for a tweet with which too much is done at this moment.
        """
        check_ids("tweet_ids", tweet_ids, most=MAX_TWEETS)
        drifts: list[Drift] = []
        for tweet_id in dict.fromkeys(tweet_ids):
            found = await self._recount.reconcile(tweet_id)
            # What is cached may be off by itself.
            await self._counting.forget([tweet_id])
            drifts += found
        return drifts

    async def step(self) -> float:
        """Go on with the pass through all tweets, if it is this replica's turn.

        Gives the seconds until the next step. Raises `UnavailableError`.
        """
        now_ms = self._clock.now_ms()
        if not await self._jobs.take(JOB, self._owner, now_ms, now_ms + LEASE_MS):
            return STEP_EVERY_S
        due = self._monotonic() + STEP_MAX_S
        place = await self._jobs.place(JOB)
        tweets, following = await self._recount.tweets_after(place, EDGES_PER_STEP)
        for tweet_id, after in tweets:
            # What everybody likes at this moment keeps no other tweet from its turn.
            with suppress(ChangingTooFastError):
                await self.reconcile([tweet_id])
            if self._monotonic() >= due:
                following = after
                break
        await self._jobs.move(JOB, following or b"")
        if following is not None:
            return STEP_EVERY_S
        # Nobody else is to begin the next pass before.
        until_ms = self._clock.now_ms() + int(PASS_EVERY_S * _MS_PER_S) + LEASE_MS
        await self._jobs.take(JOB, self._owner, self._clock.now_ms(), until_ms)
        return PASS_EVERY_S
