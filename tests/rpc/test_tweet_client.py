"""The tweet service as the fan-out meets it while releases are mixed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb

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


async def test_a_consumer_that_may_not_ask_yet_waits_and_keeps_the_message() -> None:
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, Earlier())])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    try:
        with pytest.raises(UnavailableError, match="may not call"):
            await TweetClient(channel, RpcClient()).living([1])
        with pytest.raises(PermissionDeniedError):
            await TimelineTweetClient(channel, RpcClient()).lookup([1])
    finally:
        await channel.close()
        await server.stop(0)
