"""Whom a user follows and does not see, over the wire, however many they are."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import grpc
import grpc.aio
import pytest
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.graph.audiences import Audiences
from services.graph.counting import FollowingCounts
from services.graph.reads import Reads
from services.graph.relation_reads import MAX_USERS, RelationReads
from services.graph.servicer import GraphServicer
from services.graph.sights import Sights
from services.graph.slices import IDS_PER_SLICE
from services.graph.spec import OUTBOX, TABLES
from services.graph.store import RowGraphStore
from services.platform.composition.dependencies import service_of
from services.platform.outbox.outbox import Outbox
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.timeline.clients import GraphClient

SERVICE = service_of(pb.DESCRIPTOR)
VIEWER = 7
WRITTEN_AT_ONCE = 20_000  # a busy machine takes a second for them, and a call has five
FOLLOWED = 500_000
"""Of 9 bytes each on the wire: together more than the 4 MiB that a channel takes."""
MAX_HIDDEN = 5_000
FIRST = 1 << 58
HIDDEN = {"muting": [FIRST, 5], "blocking": [6], "blocked_by": [5, 8]}
PATIENT_S = 60.0


class NoUsers:
    def __getattr__(self, _name: str) -> object:
        raise AssertionError


class OlderServicer(GraphServicer):
    """One of the release before: as to somebody whom its call table does not let by, or not."""

    code = grpc.StatusCode.UNIMPLEMENTED

    async def LookupRelations(  # noqa: N802 - the RPC's name
        self, _request: object, context: grpc.aio.ServicerContext
    ) -> pb.LookupRelationsResponse:
        await context.abort(self.code)
        raise AssertionError


class StillOlderServicer(OlderServicer):
    """One that does not know the stream either."""

    async def StreamRelations(  # noqa: N802 - the RPC's name
        self, _request: object, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.StreamRelationsResponse]:
        await context.abort(self.code)
        yield pb.StreamRelationsResponse()


class CountingServicer(GraphServicer):
    """Keeps for whom relations were asked in one call, and in how many streams."""

    asked: ClassVar[list[list[int]]] = []

    async def LookupRelations(  # noqa: N802 - the RPC's name
        self, request: pb.LookupRelationsRequest, context: grpc.aio.ServicerContext
    ) -> pb.LookupRelationsResponse:
        self.asked.append(list(request.user_ids))
        return await super().LookupRelations(request, context)


@dataclass
class World:
    rows: SqliteRowStore
    stub: GraphServiceStub
    client: GraphClient

    async def relate(self, table: str, others: Sequence[int], viewer: int = VIEWER) -> None:
        for start in range(0, len(others), WRITTEN_AT_ONCE):
            some = others[start : start + WRITTEN_AT_ONCE]
            cells = {struct.pack(">Q", other): b"1" for other in some}
            await self.rows.mutate([RowMutation(table, user_row_key(viewer), cells)])


@pytest.fixture(params=[GraphServicer])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
        await rows.open()
        stack.push_async_callback(rows.close)
        store = RowGraphStore(rows, Outbox(rows, clock, OUTBOX), clock)
        counts = FollowingCounts(store)
        servicer = request.param(
            None,
            None,
            Reads(store, NoUsers(), NoUsers(), counts),
            Audiences(store),
            CursorCodec(lambda: (bytes(32),)),
            relations=RelationReads(store, counts, MAX_HIDDEN),
            requests=None,
            sights=Sights(store),
            muted_words=None,
        )
        server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, servicer)])
        await server.start()
        stack.push_async_callback(server.stop, 0)
        channel = open_channel(server.address, [SERVICE])
        stack.push_async_callback(channel.close)
        client = GraphClient(channel, RpcClient(timeout_s=PATIENT_S))
        yield World(rows, GraphServiceStub(channel), client)


async def test_more_relations_than_a_message_holds(world: World) -> None:
    followed = range(FIRST, FIRST + FOLLOWED)
    await world.relate("following", followed)
    for table, others in HIDDEN.items():
        await world.relate(table, others)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.stub.GetRelations(pb.GetRelationsRequest(user_id=VIEWER), timeout=PATIENT_S)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    found = await world.client.fetch(VIEWER)
    assert found.following == frozenset(followed)
    assert found.hidden == {FIRST, 5, 6, 8}
    assert found.shown == frozenset(followed[1:])
    stream = world.stub.StreamRelations(
        pb.StreamRelationsRequest(user_id=VIEWER), timeout=PATIENT_S
    )
    pages = [page async for page in stream]
    assert [len(page.following_ids) for page in pages[:-3]] == [IDS_PER_SLICE] * (
        FOLLOWED // IDS_PER_SLICE
    )
    assert [list(page.hidden_ids) for page in pages[-3:]] == [[5, FIRST], [6], [5, 8]]


async def test_nobody_has_no_relations(world: World) -> None:
    assert await world.client.fetch(VIEWER + 1) == await world.client.fetch(VIEWER)
    assert (await world.client.fetch(VIEWER)).shown == frozenset()


@pytest.mark.parametrize("world", [OlderServicer, StillOlderServicer], indirect=True)
@pytest.mark.parametrize("code", ["UNIMPLEMENTED", "PERMISSION_DENIED"])
async def test_a_process_of_the_release_before_is_asked_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(OlderServicer, "code", grpc.StatusCode[code])
    await world.relate("following", [1, 2])
    await world.relate("muting", [2])
    found = await world.client.fetch(VIEWER)
    assert (found.following, found.hidden) == ({1, 2}, {2})


@pytest.mark.parametrize("world", [CountingServicer], indirect=True)
async def test_relations_of_many_are_read_by_one_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountingServicer, "asked", [])
    viewers = range(1, 41)
    for viewer in viewers:
        await world.relate("following", range(viewer + 1, 2 * viewer + 1), viewer)
        await world.relate("blocked_by", [viewer + 1], viewer)
    found = await asyncio.gather(*map(world.client.fetch, viewers))
    assert CountingServicer.asked == [list(viewers)]
    for viewer, each in zip(viewers, found, strict=True):
        assert each.following == set(range(viewer + 1, 2 * viewer + 1))
        assert each.hidden == {viewer + 1}


@pytest.mark.parametrize("world", [CountingServicer], indirect=True)
async def test_an_answer_that_gets_large_ends_early_and_the_rest_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountingServicer, "asked", [])
    monkeypatch.setattr("services.graph.relation_reads.MAX_EDGES", 30)
    monkeypatch.setattr("services.graph.relation_reads.RELATIONS_PER_ANSWER", 90)
    viewers = range(1, 21)
    sizes = {viewer: 30 if viewer == 7 else 20 for viewer in viewers}
    for viewer, size in sizes.items():
        await world.relate("following", range(1, size + 1), viewer)
    found = await asyncio.gather(*map(world.client.fetch, viewers))
    assert [len(each.following) for each in found] == list(sizes.values())
    assert CountingServicer.asked == [list(viewers[at:]) for at in (0, 8, 16)]


async def test_bad_lists_of_users_are_refused(world: World) -> None:
    for bad in ([], [0], [1, -1], list(range(1, MAX_USERS + 2))):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await world.stub.LookupRelations(pb.LookupRelationsRequest(user_ids=bad))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
