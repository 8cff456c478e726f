"""Keeping one replica's index in line with the tweets.

Every replica has an index of its own. All of them read one list of changes, which the consumer of
the tweets' events writes: so a message is acked when its entry is durable, and whatever is killed
next, each replica finds the entry when it is back. An entry names tweets and does not say what
became of them. They are read from their owner when the entry is applied, and put in or taken out as
they are found there: so neither repeats nor the order of entries matter.

Entries are dated by the clocks of those who write them, and may become visible a little after one
of a later date. So each look goes back `OVERLAP_MS`, and passes over what it has applied.

Building anew goes on between the looks. What is put in meanwhile, by either, is of a new
generation; at the end all that is of an older one is taken out.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from services.platform.observability.log_events import (
    EVENT_SEARCH_REBUILD_BEGUN,
    EVENT_SEARCH_REBUILD_ENDED,
)
from services.platform.runtime.clock import Clock
from services.search.model import Change, IndexReport, IndexState
from services.search.ports import (
    Changes,
    IndexedTweets,
    IndexStates,
    Lag,
    Progress,
    Reports,
    SearchIndex,
)

__all__ = ["OVERLAP_MS", "Following"]

OVERLAP_MS: Final = 30_000
"""How far back a look goes: what a write takes (3 s at most), and what clocks differ by."""
ENTRIES_PER_LOOK: Final = 500
"""More are read in further looks."""
TWEETS_PER_WRITE: Final = 500
"""Tweets of one commit: some tens of milliseconds of work."""
REBUILT_PER_STEP: Final = 1_000
"""Tweets that a rebuild reads between two looks: new tweets wait for a second at most."""
REPORT_EVERY_MS: Final = 60_000
REPORT_REBUILD_EVERY_MS: Final = 2_000

_log = structlog.get_logger()


class Following:
    """Applies changes to one index, and builds it anew when that is due. For one loop.

    `max_age_ms` is how long entries are kept, with room for clocks: whoever was away for longer has
    missed some.
    """

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        replica: str,
        *,
        index: SearchIndex,
        tweets: IndexedTweets,
        changes: Changes,
        states: IndexStates,
        reports: Reports,
        lag: Lag,
        progress: Progress,
        clock: Clock,
        max_age_ms: int,
    ) -> None:
        self._replica = replica
        self._index = index
        self._tweets = tweets
        self._changes = changes
        self._states = states
        self._reports = reports
        self._lag = lag
        self._clock = clock
        self._max_age_ms = max_age_ms
        self._state: IndexState | None = None
        self._applied: dict[bytes, int] = {}
        """Entries within the overlap that the index has: key to date."""
        self._caught_up_ms = 0
        """When a look last showed that the index has all."""
        self._reported_ms = 0
        self._progress = progress
        self.complete = asyncio.Event()
        """Set from when the index has been built once to its end."""

    async def begin(self, *, empty: bool) -> None:
        """Find out how far the index is; one that is empty or too old is to be built anew."""
        now_ms = self._clock.now_ms()
        known = await self._states.load()
        if known is None or empty:
            # By the clock a generation comes after all those of a state that was lost.
            first = known or IndexState(now_ms, generation=now_ms)
            self._rebuild(replace(first, has_all=False), "new")
        elif known.seen_ms < now_ms - self._max_age_ms:
            # What is listed no more is in the tweets themselves.
            self._rebuild(replace(known, seen_ms=now_ms), "too old")
        else:
            self._state = known
        self._note_progress()
        await self._save()

    async def step(self) -> bool:
        """Apply what is new, and go on with a rebuild; gives whether there is more to do at once.

        Raises `UnavailableError`; a repeat goes on from there.
        """
        more = await self._apply_new()
        if self._known.rebuilding:
            await self._rebuild_some()
            more = True
        await self._report()
        return more

    @property
    def _known(self) -> IndexState:
        if self._state is None:
            raise RuntimeError("begin comes first")
        return self._state

    async def _apply_new(self) -> bool:
        now_ms, state = self._clock.now_ms(), self._known
        found = await self._changes.since(state.seen_ms - OVERLAP_MS, ENTRIES_PER_LOOK)
        whole = len(found) < ENTRIES_PER_LOOK
        while found and not whole and all(entry.key in self._applied for entry in found):
            # A look full of what is known: on to what comes behind it.
            found = await self._changes.behind(found[-1].key, ENTRIES_PER_LOOK)
            whole = len(found) < ENTRIES_PER_LOOK
        new = [entry for entry in found if entry.key not in self._applied]
        for ids in _parts(new):
            await self._write(ids)
        if new:
            self._seen(new)
            await self._save()
        if whole:
            self._caught_up_ms = now_ms
        return not whole

    async def _write(self, ids: Sequence[int]) -> None:
        tweets = await self._tweets.read(ids)
        gone = set(ids) - {tweet.tweet_id for tweet in tweets}
        await self._index.apply(tweets, gone, self._known.generation)
        self._lag.found(tweet.tweet_id for tweet in tweets)

    def _seen(self, new: Sequence[Change]) -> None:
        """Move on to the last of these. The own clock moves nothing: it may be ahead of others'."""
        for entry in new:
            self._applied[entry.key] = entry.at_ms
            if entry.rebuild and (key := entry.key.decode()) > self._known.rebuild_key:
                self._rebuild(replace(self._known, rebuild_key=key), "asked for")
        latest_ms = max(entry.at_ms for entry in new)
        # Of an entry that is dated ahead, nobody is to believe that all before it was seen.
        seen_ms = max(self._known.seen_ms, min(latest_ms, self._clock.now_ms()))
        self._state = replace(self._known, seen_ms=seen_ms)
        kept_ms = seen_ms - OVERLAP_MS
        self._applied = {key: at_ms for key, at_ms in self._applied.items() if at_ms >= kept_ms}

    def _rebuild(self, state: IndexState, reason: str) -> None:
        _log.info(EVENT_SEARCH_REBUILD_BEGUN, replica=self._replica, reason=reason)
        self._state = replace(
            state,
            generation=state.generation + 1,
            rebuilding=True,
            rebuilt_after=0,
            percent=0,
        )
        self._reported_ms = 0

    async def _rebuild_some(self) -> None:
        state = self._known
        tweets, after, percent = await self._tweets.read_all(state.rebuilt_after, REBUILT_PER_STEP)
        await self._index.apply(tweets, (), state.generation)
        if after is None:
            await self._index.drop_before(state.generation)
            self._state = replace(
                state, rebuilding=False, rebuilt_after=0, percent=100, has_all=True
            )
            count = await self._index.count()
            _log.info(EVENT_SEARCH_REBUILD_ENDED, replica=self._replica, tweets=count)
            self._reported_ms = 0
        else:
            self._state = replace(state, rebuilt_after=after, percent=percent)
        self._note_progress()
        await self._save()

    def _note_progress(self) -> None:
        state = self._known
        self._progress.rebuilt(state.percent if state.rebuilding else 100)
        if state.has_all:
            self.complete.set()

    async def _save(self) -> None:
        await self._states.save(self._known)

    async def _report(self) -> None:
        state, now_ms = self._known, self._clock.now_ms()
        every_ms = REPORT_REBUILD_EVERY_MS if state.rebuilding else REPORT_EVERY_MS
        if now_ms - self._reported_ms < every_ms:
            return
        count = await self._index.count()
        await self._reports.report(
            IndexReport(
                self._replica,
                count,
                state.rebuilding,
                state.percent,
                max(state.seen_ms, self._caught_up_ms),
                now_ms,
            )
        )
        self._reported_ms = now_ms


def _parts(entries: Sequence[Change]) -> Iterator[Sequence[int]]:
    ids = list(dict.fromkeys(each for entry in entries for each in entry.tweet_ids))
    for start in range(0, len(ids), TWEETS_PER_WRITE):
        yield ids[start : start + TWEETS_PER_WRITE]
