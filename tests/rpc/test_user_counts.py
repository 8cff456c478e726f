"""Users, their counts and what they pinned, while who knows is away, or of the release before."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from aviary.graph.v1 import graph_service_pb2 as graph_pb
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.platform.composition.dependencies import service_of
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.user.clients import GraphClient, TweetClient
from services.user.counting import Counting
from services.user.model import User
from services.user.pinning import Pinning
from services.user.servicer import MAX_COUNT, UserServicer

MANY = 1 << 40


class Older:
    """Of a release that knows none of these calls."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def unknown(_request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, name)

        async def unknown_stream(
            _request: object, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[object]:
            yield await unknown(_request, context)

        return unknown_stream if name.startswith("Stream") else unknown


class Graph(Older):
    """Counts followers of all users, and whom they follow if it is of this release."""

    def __init__(self) -> None:
        self.following: int | None = 3

    async def LookupCounts(  # noqa: N802 - the RPC's name
        self, request: graph_pb.LookupCountsRequest, _context: object
    ) -> graph_pb.LookupCountsResponse:
        return graph_pb.LookupCountsResponse(
            counts=[
                graph_pb.RelationCounts(
                    user_id=each, follower_count=MANY, following_count=self.following
                )
                for each in request.user_ids
            ]
        )


class Tweets(Older):
    """Counts tweets of all users but user 2, or answers with an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def LookupAuthorCounts(  # noqa: N802 - the RPC's name
        self, request: tweet_pb.LookupAuthorCountsRequest, _context: object
    ) -> tweet_pb.LookupAuthorCountsResponse:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return tweet_pb.LookupAuthorCountsResponse(
            counts=[
                tweet_pb.AuthorCount(user_id=each, tweet_count=7)
                for each in reversed(request.user_ids)
                if each != 2
            ]
        )

    async def LookupSeenTweets(  # noqa: N802 - the RPC's name
        self, request: tweet_pb.LookupSeenTweetsRequest, _context: object
    ) -> tweet_pb.LookupSeenTweetsResponse:
        """All are of the user whose id they end with, and for readers other than 66."""
        if self.error is not None:
            raise self.error
        ids = [] if request.reader_user_id == 66 else request.tweet_ids
        return tweet_pb.LookupSeenTweetsResponse(
            tweets=[tweet_pb.SeenTweet(tweet_id=each, user_id=each % 10) for each in ids]
        )


class Users:
    async def lookup(self, user_ids: list[int]) -> tuple[list[User], list[int]]:
        return [
            User(each, f"u{each}", f"User {each}", 1, pinned_tweet_id=each * 11)
            for each in user_ids
        ], []


class World:
    """The user service's reads, and those whom it asks."""

    def __init__(self, stub: UserServiceStub, graph: Graph, tweets: Tweets) -> None:
        self._stub, self.graph, self.tweets = stub, graph, tweets

    async def counts(self, ids: str = "1,2") -> list[tuple[int | None, ...]]:
        answer = await self._stub.GetUsers(pb.GetUsersRequest(ids=ids))
        names = ("followers_count", "following_count", "tweet_count")
        return [
            tuple(getattr(user, each) if user.HasField(each) else None for each in names)
            for user in answer.users
        ]

    async def pinned(self, *metadata: tuple[str, str]) -> list[int | None]:
        answer = await self._stub.GetUsers(pb.GetUsersRequest(ids="1,2"), metadata=metadata)
        return [
            user.pinned_tweet_id if user.HasField("pinned_tweet_id") else None
            for user in answer.users
        ]


async def serving(stack: AsyncExitStack, name: str, servicer: object) -> grpc.aio.Channel:
    server = RpcServer("127.0.0.1:0", [Servicer(name, servicer)])
    await server.start()
    stack.push_async_callback(server.stop, 0)
    channel = open_channel(server.address, [name])
    stack.push_async_callback(channel.close)
    return channel


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    tweets, graph = Tweets(), Graph()
    counting_tweets: object = getattr(request, "param", lambda: tweets)()
    async with AsyncExitStack() as stack:
        rpc = RpcClient(timeout_s=30)
        asked = await serving(stack, service_of(graph_pb.DESCRIPTOR), graph)
        told = await serving(stack, service_of(tweet_pb.DESCRIPTOR), counting_tweets)
        counting = Counting(GraphClient(asked, rpc), TweetClient(told, rpc))
        none = cast("Any", None)
        pinning = Pinning(none, TweetClient(told, rpc))
        cursors = CursorCodec(lambda: (bytes(32),))
        servicer = UserServicer(cast("Any", Users()), none, counting, pinning, cursors)
        channel = await serving(stack, service_of(pb.DESCRIPTOR), servicer)
        yield World(UserServiceStub(channel), graph, tweets)


async def test_users_have_what_is_counted_of_them(world: World) -> None:
    assert await world.counts() == [(MAX_COUNT, 3, 7), (MAX_COUNT, 3, None)]
    # One call of each, however many users.
    assert world.tweets.asked == 1


async def test_a_graph_of_the_release_before_counts_followers_alone(world: World) -> None:
    world.graph.following = None
    assert await world.counts("1") == [(MAX_COUNT, None, 7)]


@pytest.mark.parametrize(
    "error",
    [UnavailableError("away"), PermissionDeniedError("you may not", reason="CALLER_NOT_ALLOWED")],
)
async def test_without_who_counts_tweets_users_come_all_the_same(
    world: World, error: Exception
) -> None:
    world.tweets.error = error
    assert await world.counts("1") == [(MAX_COUNT, 3, None)]
    assert await world.pinned() == [None, None]


async def test_pinned_tweets_are_those_that_the_reader_may_see(world: World) -> None:
    assert await world.pinned() == [11, 22]
    marked = (SCOPE_KEY, "users:read")
    assert await world.pinned(marked, (USER_KEY, "5")) == [11, 22]
    assert await world.pinned(marked, (USER_KEY, "66")) == [None, None]


@pytest.mark.parametrize("world", [Older], indirect=True)
async def test_a_tweet_service_of_the_release_before_counts_nothing(world: World) -> None:
    assert await world.counts("1") == [(MAX_COUNT, 3, None)]
    assert await world.pinned() == [None, None]
