"""A home list that is filled while a follow comes in, on a real hot store and real rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline.backfill import PER_AUTHOR, Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.hydration import Hydration
from services.timeline.model import EncodedTweet, HotHome, ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.service import TimelineService
from services.timeline.skeleton import IdSources
from services.timeline.spec import TABLES
from services.timeline.store import RowHomeTimelines
from tests.contract.timeline_readers import Reader
from tests.contract.valkey_servers import valkey_node
from tests.sights import open_seeing
from tests.timeline_owners import Owners

VIEWER = 1


@dataclass
class World:
    """Tweets by author, and whom the viewer follows: nobody at first."""

    tweets: dict[int, list[int]]
    following: frozenset[int] = field(default_factory=frozenset)

    async def fetch(self, _viewer: int) -> ViewerRelations:
        return ViewerRelations(self.following)

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        return {
            author: [one for one in self.tweets.get(author, []) if before is None or one < before][
                :limit
            ]
            for author in authors
        }

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        authors = {one: author for author, ids in self.tweets.items() for one in ids}
        return {
            one: EncodedTweet(one, authors[one], deleted=False, visibility=0, body=b"x")
            for one in tweet_ids
        }


class FollowInBetween(ValkeyHotTimelines):
    """Lets the viewer follow everybody just after relations were first read."""

    def __init__(self, client: ValkeyNode, world: World, homes: RowHomeTimelines) -> None:
        super().__init__(HotLists(client), RelationsCache(client))
        self._world = world
        self._filling = Backfill(homes, world, world, SystemClock())

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        read = await super().home(viewer, before, count, warm=warm)
        if read.relations is not None:
            await self._follow(viewer)
        return read

    async def keep_relations(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> None:
        await self._follow(viewer)
        await super().keep_relations(viewer, nonce, relations)

    async def _follow(self, viewer: int) -> None:
        if not self._world.following:
            self._world.following = frozenset(self._world.tweets)
            await self._filling.follow({viewer: sorted(self._world.tweets)})
            await self.forget_home(viewer)


@pytest.mark.parametrize("cached", [False, True])
async def test_a_list_filled_while_a_follow_comes_in_has_all_of_it(tmp_path, *, cached) -> None:
    clock = SystemClock()
    newest = first_id_at(clock.now_ms() - 60_000)
    tweets = {
        author: [newest - 10 * n - author for n in range(PER_AUTHOR + 9)] for author in (2, 3)
    }
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    with valkey_node(tmp_path) as port:
        async with ValkeyNode(port=port) as client:
            homes, world = RowHomeTimelines(rows, clock), World(tweets)
            await homes.begin_build(VIEWER, clock.now_ms())
            await homes.finish_build(VIEWER, 0)
            sources = IdSources(
                owners=Owners(),
                hot=FollowInBetween(client, world, homes),
                homes=homes,
                authors=world,
                relations=world,
                celebrities=RowCelebrities(rows),
                backfill=Backfill(homes, world, world, clock),
            )
            timelines = TimelineService(sources, Hydration(world), open_seeing())
            if cached:
                reader = Reader(HotLists(client), RelationsCache(client), world)
                await reader.home(VIEWER, None, 50)
            assert (await timelines.home(VIEWER, None, 50)).tweets == []
            shown = await timelines.home(VIEWER, None, 1_000)
    await rows.close()
    expected = sorted((one for ids in tweets.values() for one in ids), reverse=True)
    assert [tweet.tweet_id for tweet in shown.tweets] == expected
