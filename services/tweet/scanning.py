"""Looking at what tweets say: at new ones as they come, at recent ones when there is a new list.

Any process does either. How far the second has come is in a row that whoever goes on compares and
sets, so two that do the same step do it twice, and none is left out. While a list is being handed
out, some processes go by the one before, and what is posted then may be passed over: so after a
while all that came since is looked at once more.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.platform.ids.snowflake_time import first_id_at
from services.platform.runtime.clock import Clock
from services.tweet.keys import TWEET_SHARDS
from services.tweet.model import Rescan, Tweet
from services.tweet.ports import TweetStore
from services.tweet.quarantine import TweetQuarantine
from services.tweet.quarantine_ports import Scanner, Scans
from services.tweet.scan_metrics import ScanMetrics

__all__ = ["AGAIN_AFTER_MS", "LEAST_BETWEEN_MS", "RECENT_MS", "Rescanning", "Scanning"]

RECENT_MS: Final = 7 * 86_400_000
"""A week: nearly all that is read is younger."""
AGAIN_AFTER_MS: Final = 300_000
"""Five minutes: as long as it takes until every process has the new list."""
BEFORE_MS: Final = 60_000
"""How far the second look goes back before the first: clocks, and posts that were under way."""
LEAST_BETWEEN_MS: Final = 30_000
"""Between two looks with different lists: replicas that disagree start none more often."""
BUSY_S: Final = 1.0
"""Between steps, each of some tens of milliseconds: readers and posts go first."""
IDLE_S: Final = 5.0
"""Between looks at whether the list is another, which cost one read."""
ROWS_PER_STEP: Final = 500
ROWS_PER_READ: Final = 50
"""The largest tweet has 290 kB, and others wait while they are decoded."""


class Scanning:
    """Scans tweets that were made. Raises `UnavailableError`, and is repeated then."""

    def __init__(
        self,
        store: TweetStore,
        quarantine: TweetQuarantine,
        scanner: Scanner | None,
        metrics: ScanMetrics,
    ) -> None:
        self._store = store
        self._quarantine = quarantine
        self._scanner = scanner
        self._metrics = metrics

    async def created(self, tweet_ids: Sequence[int]) -> None:
        """Scan those of the tweets that there are; where no scanner is set, nothing is read."""
        if self._scanner is None or not tweet_ids:
            return
        found = await self._store.get_many(list(dict.fromkeys(tweet_ids)), hidden=True)
        await self.look_at(list(found.values()), self._scanner)
        # One that somebody decided about is announced again, however old it is.
        self._metrics.scanned_new(
            tweet.tweet_id for tweet in found.values() if tweet.quarantine is None
        )

    async def decided(self, tweet_ids: Sequence[int]) -> None:
        """Have readers shown what was decided of these: whoever did may have died before that."""
        if tweet_ids:
            found = await self._store.get_many(tweet_ids, hidden=True)
            for tweet in found.values():
                await self._quarantine.settle(tweet)

    async def look_at(self, tweets: Sequence[Tweet], scanner: Scanner) -> None:
        """Scan tweets that nobody decided about, and have readers shown what was decided."""
        for tweet in tweets:
            if tweet.quarantine is not None:
                await self._quarantine.settle(tweet)
                continue
            reason = await scanner.scan(tweet)
            if reason is not None:
                await self._quarantine.found(tweet, reason)
            self._metrics.scanned(hit=reason is not None)


class Rescanning:
    """Looks at recent tweets once more, step by step, whenever the list is another."""

    def __init__(self, scans: Scans, scanning: Scanning, scanner: Scanner, clock: Clock) -> None:
        self._scans = scans
        self._scanning = scanning
        self._scanner = scanner
        self._clock = clock

    async def step(self) -> float:
        """Go on where the last step ended, of any process; gives seconds until the next."""
        known, now_ms = await self._scans.progress(), self._clock.now_ms()
        begun = self._begun(known, now_ms)
        if begun is None:
            return IDLE_S
        at, rows = begun, ROWS_PER_STEP
        while rows > 0 and at.shard < TWEET_SHARDS:
            after = max(at.after, first_id_at(at.since_ms) - 1)
            found = await self._scans.recent(at.shard, after, ROWS_PER_READ)
            undecided = [tweet for tweet in found.tweets if tweet.quarantine is None]
            await self._scanning.look_at(undecided, self._scanner)
            if found.resume_after is None:
                rows -= len(found.tweets)
                at = replace(at, shard=at.shard + 1, after=0)
            else:
                # Of deleted tweets, too, there may be any number.
                rows -= ROWS_PER_READ
                at = replace(at, after=found.resume_after)
        await self._scans.advance(known, at)
        return BUSY_S

    def _begun(self, known: Rescan | None, now_ms: int) -> Rescan | None:
        """Say which look to go on with, or to begin; None where there is nothing to do."""
        version = self._scanner.version
        if known is None or known.version != version:
            if known is not None and now_ms - known.began_ms < LEAST_BETWEEN_MS:
                # One that was asked for just before by another list is not stopped at once.
                return None
            return Rescan(version, now_ms, now_ms - RECENT_MS)
        if known.shard < TWEET_SHARDS:
            return known
        if not known.again and now_ms - known.began_ms >= AGAIN_AFTER_MS:
            return Rescan(version, known.began_ms, known.began_ms - BEFORE_MS, again=True)
        return None
