"""An account that a million follow and a million block, and one that blocks as many, over the wire.

Edges are written as rows, in bulk: by the RPCs it would take an hour.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.graph.edge_rows import ACTIVE, cells_of
from services.graph.model import Edge, Relation
from services.platform.drawing.heard_values import HeardValues
from services.platform.muting.messages import read_said
from services.platform.rows.port import CellName
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.rpc_client import RpcClient
from services.platform.visibility.clients import SightClient
from services.platform.visibility.rule import Sight
from services.search.clients import GraphClient as SearchGraph
from services.timeline.clients import GraphClient
from services.timeline.model import EncodedTweet, Retweet
from services.timeline.protection import KnownProtection
from services.timeline.rules import RULES, apply_rules
from services.timeline.seeing import Seeing
from tests.rpc.graph_server import running_graph
from tests.sights import Quoted
from tests.unit.graph.world import World as Process

STAR, OTHER, FRIEND = 7, 8, 9
MILLION = 1_000_000
WRITTEN_AT_ONCE = 20_000  # a busy machine takes a second for them, and a call has five
PATIENT_S = 60.0
FANS = range(1 << 40, (1 << 40) + MILLION)
LOOKED_AT = 50
FOES = range(1 << 50, (1 << 50) + MILLION)
TOMBSTONE = b"0"

pytestmark = pytest.mark.timeout(400)


@dataclass
class World:
    rows: SqliteRowStore
    process: Process
    stub: GraphServiceStub
    channel: grpc.aio.Channel

    async def write(self, cells: Sequence[CellName], value: bytes = ACTIVE) -> None:
        """Write many cells of one table, as changes of edges would."""
        for start in range(0, len(cells), WRITTEN_AT_ONCE):
            part = cells[start : start + WRITTEN_AT_ONCE]
            names = [(name.key, name.column) for name in part]
            await self.rows.set_cells(part[0].table, names, value, self.process.clock.ms)

    async def block(self, blockers: Sequence[int], blocked: int) -> None:
        """Write what each of them leaves in the rows of who is blocked."""
        blocks = [cells_of(Edge(Relation.BLOCK, one, blocked)) for one in blockers]
        await self.write([inward for inward, _ in blocks])
        # By these it is settled, and so many are looked at.
        await self.write([outward for _, outward in blocks[:LOOKED_AT]])
        barred = [cells_of(Edge(Relation.FOLLOW, blocked, one))[0] for one in blockers]
        await self.write(barred, TOMBSTONE)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_graph(tmp_path) as graph:
        stub = GraphServiceStub(graph.channel)
        yield World(graph.rows, graph.process, stub, graph.channel)


async def test_a_million_who_block_one_account(world: World) -> None:
    await world.block(FOES, STAR)
    await world.process.follows.follow(STAR, FRIEND)
    await world.process.muted_words.add(STAR, "fox")
    rpc = RpcClient(timeout_s=PATIENT_S)
    graph, sights = GraphClient(world.channel, rpc), SightClient(world.channel, rpc)

    # What a home is read by is small, and says that it is not all.
    request = pb.LookupRelationsRequest(user_ids=[STAR, OTHER], bounded=True)
    answer = await world.stub.LookupRelations(request, timeout=PATIENT_S)
    assert answer.ByteSize() < 100
    found = await graph.fetch(STAR)
    assert (found.following, found.hidden, found.hides_others) == ({FRIEND}, set(), True)
    assert found.words.words == ("fox",)

    # Of a page's authors it is asked by name, and of the home's strangers those show who may.
    page = [*FOES[:LOOKED_AT], FRIEND, OTHER]
    blocked, followed = Sight(blocked_by=True), Sight(following=True)
    expected = [*[blocked] * LOOKED_AT, followed, Sight()]
    assert list((await sights.of(STAR, page)).values()) == expected
    protection = KnownProtection(sights, HeardValues[bool]())
    seeing = Seeing(sights, protection, Quoted(), read_said)
    home = [
        EncodedTweet(1, STAR, deleted=False, visibility=0, body=b""),
        EncodedTweet(2, FRIEND, deleted=False, visibility=0, body=b""),
        *(
            EncodedTweet(
                author, author, deleted=False, visibility=0, body=b"", retweet=Retweet(3, FRIEND)
            )
            for author in (*FOES[:LOOKED_AT], OTHER)
        ),
    ]
    shown = apply_rules(RULES, home, await seeing.home(home, found.view(STAR)))
    assert [tweet.author_id for tweet in shown] == [STAR, FRIEND, OTHER]
    assert await SearchGraph(world.channel, rpc).from_reader(STAR) == frozenset()

    # A change shows at the next look.
    await world.process.blocks.block(OTHER, STAR)
    shown = apply_rules(RULES, home, await seeing.home(home, found.view(STAR)))
    assert [tweet.author_id for tweet in shown] == [STAR, FRIEND]
    await world.process.blocks.mute(STAR, FRIEND)
    found = await graph.fetch(STAR)
    assert (found.hidden, found.shown, found.hides_others) == ({FRIEND}, set(), True)

    # A foe, who hides nobody else, has all of it at hand.
    one = await graph.fetch(FOES[0])
    assert (one.hidden, one.hides_others) == ({STAR}, False)


async def test_who_blocks_a_million(world: World) -> None:
    await world.write([cells_of(Edge(Relation.BLOCK, STAR, foe))[-1] for foe in FOES])
    await world.process.follows.follow(STAR, FRIEND)
    rpc = RpcClient(timeout_s=PATIENT_S)
    graph, sights = GraphClient(world.channel, rpc), SightClient(world.channel, rpc)
    found = await graph.fetch(STAR)
    assert (found.shown, found.hidden, found.hides_others) == ({FRIEND}, frozenset(), True)
    page = [FOES[0], FOES[-1], *FOES[500:548], FRIEND, STAR + 100]
    expected = [*[Sight(blocking=True)] * 50, Sight(following=True), Sight()]
    assert list((await sights.of(STAR, page)).values()) == expected


async def test_a_million_followers(world: World) -> None:
    await world.write([cells_of(Edge(Relation.FOLLOW, fan, STAR))[-1] for fan in FANS])
    await world.process.follows.follow(STAR, FRIEND)
    await world.process.store.correct_follower_count(STAR, None, MILLION)
    counts = pb.LookupCountsRequest(user_ids=[STAR])
    (counted,) = (await world.stub.LookupCounts(counts, timeout=PATIENT_S)).counts
    assert counted.follower_count == MILLION
    # The fan-out decides by the count, and lists nobody.
    request = pb.LookupAudiencesRequest(user_ids=[STAR, FANS[0]], max_followers=1_000)
    audience, nobody = (await world.stub.LookupAudiences(request, timeout=PATIENT_S)).audiences
    assert (audience.follower_count, audience.whole, nobody.whole) == (MILLION, False, True)
    assert not audience.follower_ids
    # It pushes page by page, each follower once.
    last, seen = 0, 0
    while last != FANS[-1]:
        reading = pb.StreamFollowersRequest(user_id=STAR, page_size=1_000, after_follower_id=last)
        try:
            async for page in world.stub.StreamFollowers(reading, timeout=PATIENT_S):
                assert last < page.follower_ids[0]
                last, seen = page.follower_ids[-1], seen + len(page.follower_ids)
        except grpc.aio.AioRpcError as error:
            # The disk of a busy machine: it goes on from there, as the fan-out does.
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
    assert (last, seen) == (FANS[-1], MILLION)
    half = pb.StreamFollowersRequest(
        user_id=STAR, page_size=1_000, after_follower_id=FANS[MILLION - 10]
    )
    rest = [page async for page in world.stub.StreamFollowers(half, timeout=PATIENT_S)]
    assert [list(page.follower_ids) for page in rest] == [list(FANS[MILLION - 9 :])]
    # One more is a change like any other.
    await world.process.follows.follow(FRIEND, STAR)
    await world.process.blocks.block(STAR, FRIEND)
    (counted,) = (await world.stub.LookupCounts(counts, timeout=PATIENT_S)).counts
    assert counted.follower_count == MILLION
    graph = GraphClient(world.channel, RpcClient(timeout_s=PATIENT_S))
    assert (await graph.fetch(STAR)).hidden == {FRIEND}
