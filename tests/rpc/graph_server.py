"""A graph service on rows of its own, over the wire."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
from aviary.graph.v1 import graph_service_pb2, muted_word_service_pb2

from services.graph.audiences import Audiences
from services.graph.muted_word_servicer import MutedWordServicer
from services.graph.requests import FollowRequests
from services.graph.servicer import GraphServicer
from services.graph.sights import Sights
from services.graph.spec import OUTBOX, TABLES
from services.platform.composition.dependencies import service_of
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.server import RpcServer
from tests.unit.graph.world import MovableClock, World

__all__ = ["RunningGraph", "running_graph"]

GRAPH = service_of(graph_service_pb2.DESCRIPTOR)
WORDS = service_of(muted_word_service_pb2.DESCRIPTOR)


@dataclass(frozen=True, slots=True)
class RunningGraph:
    """What it is made of, and a channel to it."""

    rows: SqliteRowStore
    process: World
    channel: grpc.aio.Channel


@asynccontextmanager
async def running_graph(folder: Path, *, max_followed: int = 5_000) -> AsyncIterator[RunningGraph]:
    async with AsyncExitStack() as stack:
        clock = MovableClock()
        rows = SqliteRowStore(folder / "rows.db", (*TABLES, OUTBOX), clock)
        await rows.open()
        stack.push_async_callback(rows.close)
        process = World(rows, clock, max_followed=max_followed)
        graph = GraphServicer(
            process.follows,
            process.blocks,
            process.reads,
            Audiences(process.store),
            CursorCodec(lambda: (bytes(32),)),
            relations=process.relations,
            requests=FollowRequests(
                process.changes, process.store, process.users, process.json_events, process.limit
            ),
            sights=Sights(process.store),
            muted_words=process.muted_words,
        )
        words = MutedWordServicer(process.muted_words)
        server = RpcServer("127.0.0.1:0", [Servicer(GRAPH, graph), Servicer(WORDS, words)])
        await server.start()
        stack.push_async_callback(server.stop, 0)
        channel = open_channel(server.address, [GRAPH, WORDS])
        stack.push_async_callback(channel.close)
        yield RunningGraph(rows, process, channel)
