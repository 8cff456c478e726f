"""A viewer's timeline on real rows and a real Valkey, of which every read is counted."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation, Scan
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline.backfill import Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.hydration import Hydration
from services.timeline.model import EncodedTweet, HotHome, ViewerRelations
from services.timeline.page import Page
from services.timeline.relations_cache import RelationsCache
from services.timeline.service import TimelineService
from services.timeline.skeleton import IdSources
from services.timeline.spec import VIEWERS
from services.timeline.store import RowHomeTimelines
from tests.sights import open_seeing
from tests.timeline_owners import Owners

VIEWER, ADA, MUTED, BOB, EVE = 1, 2, 3, 4, 5
LIMIT = 50
NEWEST = first_id_at(SystemClock().now_ms() - 60_000)


class CountedRows:
    """A row store that counts the calls on each table."""

    def __init__(self, rows: SqliteRowStore) -> None:
        self._rows = rows
        self.calls: Counter[tuple[str, str]] = Counter()

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        self.calls["read", table] += 1
        return await self._rows.read_rows(table, keys)

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        return await self._rows.read_cells(names)

    async def scan(self, table: str, start: bytes, end: bytes, **what: Any) -> list[Row]:
        self.calls["scan", table] += 1
        return await self._rows.scan(table, start, end, **what)

    async def scan_many(self, scans: Sequence[Scan], *, in_order: bool = False) -> list[list[Row]]:
        for scan in scans:
            self.calls["read" if scan.table == VIEWERS.name else "scan", scan.table] += 1
        return await self._rows.scan_many(scans, in_order=in_order)

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        await self._rows.mutate(mutations)

    async def set_cells(self, *what: Any) -> None:
        await self._rows.set_cells(*what)


class WatchedHot(ValkeyHotTimelines):
    """Counts looks, and does what a test wants done just before the second."""

    looks = ended = 0
    before_second: Callable[[], object] | None = None

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        self.looks += 1
        if self.looks == 2 and self.before_second is not None:
            await self.before_second()
        try:
            return await super().home(viewer, before, count, warm=warm)
        finally:
            self.ended += 1


class World:
    """Real stores; the tweets and the graph stand in for the siblings."""

    def __init__(
        self, rows: SqliteRowStore, valkey: ValkeyNode, relations: ValkeyNode | None = None
    ) -> None:
        clock = SystemClock()
        self.valkey = valkey
        self.tweets: dict[int, list[int]] = {}
        self.relations = ViewerRelations(frozenset({ADA, MUTED}), frozenset({MUTED}))
        self.calls: Counter[str] = Counter()
        self.rows = CountedRows(rows)
        self.celebrities = RowCelebrities(self.rows)
        homes = RowHomeTimelines(self.rows, clock)
        self.backfill = Backfill(homes, self, self, clock)
        self.listed: Counter[int] = Counter()
        self.hot = WatchedHot(HotLists(valkey), RelationsCache(relations or valkey))
        self.owners = Owners()
        self.sources = IdSources(
            owners=self.owners,
            hot=self.hot,
            homes=homes,
            authors=self,
            relations=self,
            celebrities=self.celebrities,
            backfill=self.backfill,
        )
        self.service = TimelineService(self.sources, Hydration(self), open_seeing())

    async def fetch(self, _viewer: int) -> ViewerRelations:
        self.calls["fetch"] += 1
        return self.relations

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        self.calls["list"] += 1
        self.listed.update(authors)
        return {
            author: [one for one in self.tweets.get(author, []) if before is None or one < before][
                :limit
            ]
            for author in authors
        }

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        authors = {one: author for author, ids in self.tweets.items() for one in ids}
        return {
            one: EncodedTweet(one, authors[one], deleted=False, visibility=0, body=b"body")
            for one in tweet_ids
            if one in authors
        }

    async def counted(self, before: int | None) -> tuple[Page, Counter[tuple[str, str]]]:
        """Read a page of the home timeline: (page, calls of the row store)."""
        self.rows.calls.clear()
        self.calls.clear()
        self.listed.clear()
        self.hot.looks = 0
        return await self.service.home(VIEWER, before, LIMIT), self.rows.calls

    async def follow(self, *authors: int) -> None:
        """As the fan-out does after a follow."""
        following = self.relations.following | frozenset(authors)
        self.relations = ViewerRelations(following, self.relations.hidden)
        await self.backfill.follow({VIEWER: authors})
        await self.hot.forget_home(VIEWER)
