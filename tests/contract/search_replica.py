"""Replicas of the search service without the service: an index each, or one, and one list."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.metrics import MeterProvider

from services.platform.errors import UnavailableError
from services.platform.ids.arguments import check_ids
from services.platform.rows.port import RowStore
from services.search.folders import IndexFolder
from services.search.following import Following
from services.search.lag import SearchLag
from services.search.model import TweetText
from services.search.ports import IndexStates, SearchIndex
from services.search.progress import BuildProgress
from services.search.shared_following import SharedFollowing
from services.search.store import RowChanges, RowReports
from services.search.tantivy_index import TantivyIndex
from services.tweet.service import MAX_LOOKUP_IDS
from tests.contract.search_engines import OpenSearchEngine, SearchEngine
from tests.contract.search_index import NOW_MS

__all__ = ["MAX_AGE_MS", "HandClock", "Owner", "Replica", "replica"]

MAX_AGE_MS = 3_600_000


@dataclass(slots=True)
class HandClock:
    """Stands still until it is moved."""

    ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.ms


@dataclass(slots=True)
class Owner:
    """Who has the tweets, as the tweet service gives them."""

    tweets: dict[int, TweetText] = field(default_factory=dict)
    is_away: bool = False

    def as_others_see_it(self) -> "Owner":
        """The same tweets, reached by another way, which may be cut."""
        return Owner(self.tweets)

    def post(self, *tweets: TweetText) -> list[int]:
        self.tweets |= {tweet.tweet_id: tweet for tweet in tweets}
        return [tweet.tweet_id for tweet in tweets]

    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        self._check()
        check_ids("tweet_ids", tweet_ids, most=MAX_LOOKUP_IDS)
        return [self.tweets[each] for each in tweet_ids if each in self.tweets]

    async def read_all(self, after: int, limit: int) -> tuple[Sequence[TweetText], int | None, int]:
        self._check()
        ids = sorted(each for each in self.tweets if each > after)[: min(limit, 2)]
        whole = not ids or ids[-1] == max(self.tweets)
        return [self.tweets[each] for each in ids], None if whole else ids[-1], 50

    def _check(self) -> None:
        if self.is_away:
            raise UnavailableError("the tweet service does not answer")


class Stepping(Protocol):
    """A `Following`, or a `SharedFollowing`."""

    @property
    def complete(self) -> asyncio.Event: ...

    async def step(self) -> bool: ...


@dataclass(slots=True)
class Replica:
    following: Stepping
    index: SearchIndex
    changes: RowChanges
    reports: RowReports

    async def catch_up(self) -> None:
        while await self.following.step():
            pass


@asynccontextmanager
async def replica(
    engine: SearchEngine,
    rows: RowStore,
    owner: Owner,
    clock: HandClock,
    meters: MeterProvider | None = None,
) -> AsyncIterator[Replica]:
    """One that runs until the end: with Tantivy in the first folder that is free."""
    changes, reports = RowChanges(rows, clock), RowReports(rows)

    def following(name: str, index: SearchIndex, states: IndexStates) -> Following:
        return Following(
            name,
            index=index,
            tweets=owner,
            changes=changes,
            states=states,
            reports=reports,
            lag=SearchLag(clock, meter_provider=meters),
            progress=progress,
            clock=clock,
            max_age_ms=MAX_AGE_MS,
        )

    if isinstance(engine, OpenSearchEngine):
        progress = BuildProgress(engine.alias, meter_provider=meters)
        async with engine.parts(clock) as (index, state):
            shared = SharedFollowing(
                index,
                state,
                state,
                lambda: following(engine.alias, index, state),
                now_s=lambda: clock.ms / 1_000,
            )
            yield Replica(shared, index, changes, reports)
        return
    own = IndexFolder.claim(engine.folder)
    progress = BuildProgress(own.name, meter_provider=meters)
    opened = TantivyIndex(own.index)
    try:
        kept = following(own.name, opened, own)
        await kept.begin(empty=await opened.open())
        yield Replica(kept, opened, changes, reports)
    finally:
        await opened.close()
        own.release()
