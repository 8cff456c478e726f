"""Building a home timeline anew: real rows, a real hot store, a real server; siblings stand in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as stubs
from aviary.tweet.v1 import tweet_pb2

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import RowMutation
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.connection import open_valkey
from services.platform.valkey.lines import ValkeyNode
from services.timeline.backfill import Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.hydration import Hydration
from services.timeline.keys import home_list_key, home_row_key
from services.timeline.model import EncodedTweet, ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.service import TimelineService
from services.timeline.servicer import TimelineServicer
from services.timeline.skeleton import IdSources
from services.timeline.spec import TABLES
from services.timeline.store import RowHomeTimelines
from tests.contract.valkey_servers import valkey_node
from tests.sights import open_seeing
from tests.timeline_owners import Owners
from tests.undrawn import undrawn

VIEWER, ADA, BOB = 1, 2, 3
NEWEST = first_id_at(SystemClock().now_ms() - 60_000)
TWEETS = {ADA: [NEWEST, NEWEST - 2], BOB: [NEWEST - 1]}


class Siblings:
    """The tweet and graph services."""

    def __init__(self) -> None:
        self.following = frozenset({ADA})

    async def fetch(self, viewer: int) -> ViewerRelations:
        return ViewerRelations(self.following if viewer == VIEWER else frozenset())

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        return {
            author: [one for one in TWEETS.get(author, []) if before is None or one < before][
                :limit
            ]
            for author in authors
        }

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        authors = {one: author for author, ids in TWEETS.items() for one in ids}
        return {
            one: EncodedTweet(
                one,
                authors[one],
                deleted=False,
                visibility=0,
                body=tweet_pb2.Tweet(tweet_id=one).SerializeToString(),
            )
            for one in tweet_ids
        }


@dataclass
class World:
    stub: stubs.TimelineServiceStub
    siblings: Siblings
    rows: SqliteRowStore
    homes: RowHomeTimelines
    cache: ValkeyNode

    async def home(self) -> list[int]:
        answer = await self.stub.GetHomeTimeline(pb.GetHomeTimelineRequest(user_id=VIEWER))
        return [tweet.tweet_id for tweet in answer.tweets]

    async def rebuild(self, user_id: int = VIEWER) -> None:
        await self.stub.RebuildHomeTimeline(pb.RebuildHomeTimelineRequest(user_id=user_id))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock, siblings = SystemClock(), Siblings()
    async with AsyncExitStack() as stack:
        rows = SqliteRowStore(tmp_path / "timeline.db", TABLES, clock)
        await rows.open()
        stack.push_async_callback(rows.close)
        port = stack.enter_context(valkey_node(tmp_path))
        valkey = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=2)
        stack.push_async_callback(valkey.aclose)
        homes = RowHomeTimelines(rows, clock)
        sources = IdSources(
            owners=Owners(),
            hot=ValkeyHotTimelines(HotLists(valkey), RelationsCache(valkey)),
            homes=homes,
            authors=siblings,
            relations=siblings,
            celebrities=RowCelebrities(rows),
            backfill=Backfill(homes, siblings, siblings, clock),
        )
        service = TimelineService(sources, Hydration(siblings), open_seeing())
        (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
        cursors = CursorCodec(lambda: [b"k" * 32])
        servicer = Servicer(descriptor, TimelineServicer(service, cursors, undrawn()))
        server = RpcServer("127.0.0.1:0", [servicer])
        await server.start()
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
        cache = await stack.enter_async_context(ValkeyNode(port=port))
        yield World(stubs.TimelineServiceStub(channel), siblings, rows, homes, cache)


async def test_what_was_lost_and_what_was_stale_is_mended(world: World) -> None:
    assert await world.home() == TWEETS[ADA]
    # Everything goes wrong at once: rows are lost, the list with them, and a follow was never
    # announced.
    await world.rows.mutate([RowMutation("home", home_row_key(VIEWER, NEWEST), delete_row=True)])
    await world.cache.lpop(home_list_key(VIEWER))
    world.siblings.following = frozenset({ADA, BOB})
    assert await world.home() == TWEETS[ADA][1:]
    for _ in range(2):
        await world.rebuild()
        assert await world.cache.exists(home_list_key(VIEWER)) == 0
        assert await world.homes.read(VIEWER, None, 0, 10) == [NEWEST, NEWEST - 1, NEWEST - 2]
        assert await world.home() == [NEWEST, NEWEST - 1, NEWEST - 2]
    state = await world.homes.state(VIEWER)
    assert state is not None
    assert (state.built, state.floor) == (True, 0)


async def test_a_list_being_warmed_meanwhile_never_shows(world: World) -> None:
    await world.home()
    await world.cache.delete(home_list_key(VIEWER))
    lists = HotLists(world.cache)
    assert await lists.begin_warm(home_list_key(VIEWER), b"token")
    await world.rebuild()
    assert not await lists.finish_warm(home_list_key(VIEWER), b"token", [], complete=True)
    assert await world.home() == TWEETS[ADA]


@pytest.mark.parametrize("user_id", [0, -1])
async def test_bad_user_id_is_named_and_leaves_nothing(world: World, user_id: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await world.rebuild(user_id)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details().startswith("user_id")
    assert await world.rows.scan("viewers", b"", b"g", limit=1) == []


async def test_a_cache_that_is_gone_is_reported_and_rows_are_built(world: World) -> None:
    await world.cache.shutdown(nosave=True)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await world.rebuild()
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await world.homes.read(VIEWER, None, 0, 10) == TWEETS[ADA]
