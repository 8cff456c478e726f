"""A timeline store with real tweets beside it, whose fan-out is run by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aviary.tweet.v1 import tweet_pb2 as pb

from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline import spec as timeline_spec
from services.timeline.backfill import Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.hydration import CachedTweets, Hydration
from services.timeline.local_tweets import LocalTweets
from services.timeline.model import (
    EncodedTweet,
    HotHome,
    IdRun,
    ViewerRelations,
)
from services.timeline.relations_cache import RelationsCache
from services.timeline.service import TimelineService
from services.timeline.skeleton import IdSources
from services.timeline.store import RowHomeTimelines
from services.timeline.tweet_cache import TweetCache
from services.timeline.watched_homes import WatchedHomes
from services.timeline.writes import TimelineWrites
from services.tweet import spec as tweet_spec
from services.tweet.model import Tweet
from services.tweet.store import RowTweetStore
from tests.sights import open_seeing
from tests.timeline_owners import Owners

AUTHOR, FRIEND = 1, 2
TABLES = (*timeline_spec.TABLES, *tweet_spec.TABLES)


@dataclass
class MovedClock:
    ahead_ms: int = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms


@dataclass
class Graph:
    following: frozenset[int] = field(default_factory=frozenset)

    async def fetch(self, _viewer: int) -> ViewerRelations:
        return ViewerRelations(self.following)


class WatchedHot(ValkeyHotTimelines):
    """Does what a test wants done just before a list that was read is stored."""

    async def finish_warm_home(self, viewer: int, token: bytes, run: IdRun) -> None:
        waiting, self.before_store = self.before_store, []
        for each in waiting:
            await each
        await super().finish_warm_home(viewer, token, run)

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        found = await super().home(viewer, before, count, warm=warm)
        self.was_hot = found.run is not None
        return found

    was_hot = False
    before_store: list = []  # noqa: RUF012 - replaced, never changed


class World:
    """The tweet and timeline services over one store each; the fan-out runs when a test says so."""

    def __init__(self, rows: RowStore, valkey: ValkeyNode) -> None:
        self.clock, self.graph, self.valkey = MovedClock(), Graph(), valkey
        self.store = RowTweetStore(rows, Outbox(rows, self.clock, tweet_spec.OUTBOX))
        self.homes = RowHomeTimelines(rows, self.clock)
        self.celebrities = RowCelebrities(rows)
        lists, cache, relations = HotLists(valkey), TweetCache(valkey), RelationsCache(valkey)
        watched = WatchedHomes(valkey)
        self.pushes = TimelineWrites(
            self.homes, lists, cache, relations, self.clock, watched=watched
        )
        self.hot = WatchedHot(lists, relations)
        sources = IdSources(
            owners=Owners(),
            hot=self.hot,
            homes=self.homes,
            authors=self,
            relations=self.graph,
            celebrities=self.celebrities,
            backfill=Backfill(self.homes, self, self.graph, self.clock),
        )
        tweets = CachedTweets(LocalTweets(), cache, self)
        self.service = TimelineService(sources, Hydration(tweets), open_seeing())
        self._last = first_id_at(SystemClock().now_ms() - 60_000)

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        return {each: await self.store.list_by_author(each, before, limit) for each in authors}

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        found = await self.store.get_many(tweet_ids)
        encoded = [
            EncodedTweet(
                each.tweet_id,
                each.user_id,
                deleted=False,
                visibility=0,
                body=pb.Tweet(tweet_id=each.tweet_id, user_id=each.user_id).SerializeToString(),
            )
            for each in found.values()
        ]
        return encoded, [each for each in tweet_ids if each not in found]

    async def post(self, author: int = AUTHOR) -> int:
        """As the tweet service does, but for the fan-out."""
        self._last += 1
        tweet = Tweet(self._last, author, "hi", SystemClock().now_ms(), 0, 0)
        await self.store.create(tweet, b"")
        await self.pushes.show_own({tweet.tweet_id: author})
        return tweet.tweet_id

    async def delete(self, tweet_id: int) -> None:
        tweet = (await self.store.get_many([tweet_id]))[tweet_id]
        await self.store.delete(tweet, SystemClock().now_ms(), b"")
        await self.pushes.deleted(tweet_id, tweet.user_id)

    async def fan_out(self, tweet_id: int, author: int = AUTHOR) -> None:
        """What the fan-out does for the author, however late."""
        await self.pushes.push_homes({tweet_id: [author]})
        await self.pushes.push_authors({tweet_id: author})

    async def home(self, limit: int = 50) -> list[int]:
        ids: list[int] = []
        before = None
        while True:
            page = await self.service.home(AUTHOR, before, limit)
            ids += [tweet.tweet_id for tweet in page.tweets]
            if page.next_before is None:
                return ids
            before = page.next_before
