"""A conversation over gRPC: pages that go on from one another, and a graph of any release."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import grpc
import grpc.aio
import pytest
from aviary.graph.v1 import graph_service_pb2
from aviary.tweet.v1 import tweet_service_pb2 as pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.graph.servicer import GraphServicer
from services.platform.composition.dependencies import service_of
from services.platform.error_reasons import Reason
from services.platform.errors import PermissionDeniedError
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.next_page import LINK_KEY
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.visibility.clients import SightClient
from services.tweet import service
from services.tweet.backfill import RepliesBackfill
from services.tweet.content import Content, read_content
from services.tweet.conversation import Conversations
from services.tweet.conversation_page import PAGE_BYTES
from services.tweet.servicer import TweetServicer
from services.tweet.spec import TABLES
from services.tweet.streaming import TweetStreaming
from tests.contract.conversation_world import ADA, BOB, CYD, READER, Users, World
from tests.undrawn import undrawn

SERVICE = service_of(pb.DESCRIPTOR)
GRAPH = service_of(graph_service_pb2.DESCRIPTOR)


UNUSED = ("relations", "requests", "sights", "muted_words")
"""What the graph here is without."""


class Graph(GraphServicer):
    """Whom readers do not see; as a process of the release before, where `refusal` says how."""

    hidden: ClassVar[set[int]] = set()
    refusal: ClassVar[object] = None

    async def LookupSights(  # noqa: N802 - the RPC's name
        self, request: graph_service_pb2.LookupSightsRequest, context: Any
    ) -> graph_service_pb2.LookupSightsResponse:
        if isinstance(self.refusal, Exception):
            raise self.refusal
        if self.refusal is not None:
            await context.abort(self.refusal)
        assert 1 <= len(request.pairs) <= 1_000
        return graph_service_pb2.LookupSightsResponse(
            sights=[
                graph_service_pb2.Sight(muting=each.author_id in self.hidden)
                for each in request.pairs
            ]
        )

    async def StreamRelations(  # noqa: N802 - the RPC's name
        self, _request: graph_service_pb2.StreamRelationsRequest, _context: Any
    ) -> AsyncIterator[graph_service_pb2.StreamRelationsResponse]:
        yield graph_service_pb2.StreamRelationsResponse(hidden_ids=self.hidden)


@dataclass
class Served:
    world: World
    stub: TweetServiceStub

    async def read(self, tweet_id: int, **fields: Any) -> pb.GetConversationResponse:
        request = pb.GetConversationRequest(tweet_id=tweet_id, **{"user_id": READER, **fields})
        return cast("pb.GetConversationResponse", await self.stub.GetConversation(request))

    async def code(self, tweet_id: int, **fields: Any) -> grpc.StatusCode:
        try:
            await self.read(tweet_id, **fields)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(Graph, "hidden", set[int]())
    async with AsyncExitStack() as stack:
        rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
        await rows.open()
        stack.push_async_callback(rows.close)
        world = World(rows)
        graph = await _serving(
            stack,
            GRAPH,
            Graph(
                *[cast("Any", None)] * 5,
                **dict.fromkeys(
                    ("relations", "requests", "sights", "muted_words"), cast("Any", None)
                ),
            ),
        )
        servicer = TweetServicer(
            world.tweets,
            TweetStreaming(world.store),
            cast("Any", None),
            Conversations(world.store, world.replies, Users(), SightClient(graph, RpcClient())),
            RepliesBackfill(world.store, world.replies),
            cast("Any", None),
            CursorCodec(lambda: (bytes(32),)),
            undrawn(),
            cast("Any", None),
        )
        yield Served(world, TweetServiceStub(await _serving(stack, SERVICE, servicer)))


async def _serving(stack: AsyncExitStack, service: Any, servicer: object) -> grpc.aio.Channel:
    server = RpcServer("127.0.0.1:0", [Servicer(service, servicer)])
    await server.start()
    stack.push_async_callback(server.stop, 0)
    channel = open_channel(server.address, [service])
    stack.push_async_callback(channel.close)
    return channel


def tree(replies: Any) -> list[Any]:
    return [
        (each.tweet.tweet_id, tree(each.replies)) if each.replies else each.tweet.tweet_id
        for each in replies
    ]


async def test_pages_go_on_from_one_another(served: Served) -> None:
    root = await served.world.post()
    replies = await served.world.posts([root] * 5, BOB)
    below = await served.world.post(replies[4])
    found: list[Any] = []
    cursor = ""
    while True:
        request = pb.GetConversationRequest(tweet_id=root, user_id=READER, limit=2, cursor=cursor)
        call = served.stub.GetConversation(request)
        metadata = dict(await call.initial_metadata())  # type: ignore[arg-type,misc]
        page = await call
        found += tree(page.replies)
        if not page.HasField("next_cursor"):
            assert LINK_KEY not in metadata
            break
        cursor = page.next_cursor
        link = f'<?user_id={READER}&limit=2&cursor={cursor}>; rel="next"'
        assert metadata[LINK_KEY] == link
    assert found == [(replies[4], [below]), *replies[3::-1]]


async def test_a_cursor_is_of_one_tweet_and_reader(served: Served) -> None:
    root = await served.world.post()
    (reply, *_) = await served.world.posts([root] * 2)
    cursor = (await served.read(root, limit=1)).next_cursor
    assert await served.code(root, cursor=cursor) is grpc.StatusCode.OK
    for tweet_id, fields in (
        (reply, {"cursor": cursor}),
        (root, {"cursor": cursor, "user_id": ADA}),
        (root, {"cursor": "c" * 34}),
        (root, {"limit": 201}),
        (0, {"cursor": cursor}),
    ):
        assert await served.code(tweet_id, **fields) is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_graph_says_who_is_hidden(served: Served) -> None:
    root = await served.world.post()
    await served.world.post(root, BOB)
    seen = await served.world.post(root, CYD)
    Graph.hidden.add(BOB)
    assert tree((await served.read(root)).replies) == [seen]


@pytest.mark.parametrize(
    "refusal",
    [
        grpc.StatusCode.UNIMPLEMENTED,
        PermissionDeniedError("not yet", reason=Reason.CALLER_NOT_ALLOWED),
    ],
)
async def test_a_graph_of_the_release_before_says_it_as_it_did(
    served: Served, monkeypatch: pytest.MonkeyPatch, refusal: object
) -> None:
    root = await served.world.post()
    monkeypatch.setattr(Graph, "refusal", refusal)
    await served.world.post(root, BOB)
    seen = await served.world.post(root, CYD)
    Graph.hidden |= {BOB, ADA}
    # The tweet itself is shown: that release tells no block from a mute.
    assert tree((await served.read(root)).replies) == [seen]


async def test_the_largest_tweets_come_in_pages_that_fit(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "x" * 250_000

    async def read_large(_text: str, language: str, **_: bool) -> Content:
        return replace(await read_content("hello", language), text=large)

    monkeypatch.setattr(service, "read_content", read_large)
    chain = await served.world.chain(8)
    replies = await served.world.posts([chain[-1]] * 12)
    await served.world.posts([replies[-1]] * 3)
    found: list[int] = []
    cursor = ""
    while True:
        page = await served.read(chain[-1], cursor=cursor)
        assert page.ByteSize() < PAGE_BYTES + 1_000_000 / 4
        assert 1 <= len(page.ancestors) < len(chain) - 1
        assert page.ancestors[-1].tweet_id == chain[-2]
        found += [each.tweet.tweet_id for each in page.replies]
        assert page.replies
        if not page.HasField("next_cursor"):
            break
        cursor = page.next_cursor
    assert found == replies[::-1]
