"""The tweet service as the fan-out meets it while releases are mixed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.fanout.clients import TweetClient
from services.platform.composition.dependencies import service_of
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.timeline.clients import TweetClient as TimelineTweetClient

SERVICE = service_of(pb.DESCRIPTOR)


class Earlier:
    """A process whose call table does not have the fan-out yet."""

    async def StreamTweets(  # noqa: N802 - the RPC's name
        self, _request: object, _context: object
    ) -> AsyncIterator[pb.StreamTweetsResponse]:
        yield pb.StreamTweetsResponse()

    def __getattr__(self, _: str) -> Callable[..., Awaitable[Any]]:
        async def refuse(_request: object, _context: object) -> None:
            raise PermissionDeniedError("fanout may not call this", reason="CALLER_NOT_ALLOWED")

        return refuse


class Current(Earlier):
    """A process that has the tweet 1 and the retweet 2."""

    async def LookupTweets(  # noqa: N802 - the RPC's name
        self, request: pb.LookupTweetsRequest, _context: object
    ) -> pb.LookupTweetsResponse:
        retweets = [pb.Retweet(retweet_id=2, user_id=8, tweet_id=1)] * request.with_retweets
        return pb.LookupTweetsResponse(tweets=[Tweet(tweet_id=1, user_id=9)], retweets=retweets)


@asynccontextmanager
async def served(by: object) -> AsyncIterator[grpc.aio.Channel]:
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, by)])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    try:
        yield channel
    finally:
        await channel.close()
        await server.stop(0)


async def test_a_consumer_that_may_not_ask_yet_waits_and_keeps_the_message() -> None:
    async with served(Earlier()) as channel:
        with pytest.raises(UnavailableError, match="may not call"):
            await TweetClient(channel, RpcClient()).living([1])
        with pytest.raises(PermissionDeniedError):
            await TimelineTweetClient(channel, RpcClient()).lookup([1])


async def test_a_retweet_that_stands_is_there_as_a_tweet_is() -> None:
    """So nobody hides it, whatever a message says."""
    async with served(Current()) as channel:
        assert await TweetClient(channel, RpcClient()).living([1, 2, 3]) == [1, 2]
