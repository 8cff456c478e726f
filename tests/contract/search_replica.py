"""Replicas of the search service without the service: an index each, and one list of changes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry.metrics import MeterProvider

from services.platform.ids.arguments import check_ids
from services.platform.rows.port import RowStore
from services.search.folders import IndexFolder
from services.search.following import Following
from services.search.lag import SearchLag
from services.search.model import TweetText
from services.search.ports import SearchIndex
from services.search.progress import BuildProgress
from services.search.store import RowChanges, RowReports
from services.search.tantivy_index import TantivyIndex
from services.tweet.service import MAX_LOOKUP_IDS
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

    def post(self, *tweets: TweetText) -> list[int]:
        self.tweets |= {tweet.tweet_id: tweet for tweet in tweets}
        return [tweet.tweet_id for tweet in tweets]

    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        check_ids("tweet_ids", tweet_ids, most=MAX_LOOKUP_IDS)
        return [self.tweets[each] for each in tweet_ids if each in self.tweets]

    async def read_all(self, after: int, limit: int) -> tuple[Sequence[TweetText], int | None, int]:
        ids = sorted(each for each in self.tweets if each > after)[: min(limit, 2)]
        whole = not ids or ids[-1] == max(self.tweets)
        return [self.tweets[each] for each in ids], None if whole else ids[-1], 50


@dataclass(slots=True)
class Replica:
    following: Following
    index: SearchIndex
    changes: RowChanges
    reports: RowReports

    async def catch_up(self) -> None:
        while await self.following.step():
            pass


@asynccontextmanager
async def replica(
    folder: Path,
    rows: RowStore,
    owner: Owner,
    clock: HandClock,
    meters: MeterProvider | None = None,
) -> AsyncIterator[Replica]:
    """One that runs in the first folder that is free, until the end."""
    own = IndexFolder.claim(folder)
    index = TantivyIndex(own.index)
    changes, reports = RowChanges(rows, clock), RowReports(rows)
    following = Following(
        own.name,
        index=index,
        tweets=owner,
        changes=changes,
        states=own,
        reports=reports,
        lag=SearchLag(clock, meter_provider=meters),
        progress=BuildProgress(own.name, meter_provider=meters),
        clock=clock,
        max_age_ms=MAX_AGE_MS,
    )
    try:
        await following.begin(empty=await index.open())
        yield Replica(following, index, changes, reports)
    finally:
        await index.close()
        own.release()
