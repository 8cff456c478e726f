"""The siblings that a fan-out is planned from: the graph and tweets, over gRPC."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc.aio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.tweet.v1 import tweet_service_pb2
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["FollowersClient", "TweetClient"]

FOLLOWERS_PER_PAGE = 1_000
"""One fanout job each."""

FOLLOWERS_IDLE_S = 3.0
"""Between two pages, which a healthy graph service reads in 10 ms."""

FOLLOWERS_TIMEOUT_S = 20.0
"""For a whole stream, with what the reader does in between. Well below the 30 s in which a bus
delivery must be done, and well above the time after which a fan-out plan leaves off by itself."""


class FollowersClient:
    """A client of `aviary.graph.v1.GraphService`; the fan-out's `Followers`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = GraphServiceStub(channel)
        self._rpc = rpc

    async def count(self, author: int) -> int:
        """Followers of the author, nearly exact."""
        request = pb.LookupCountsRequest(user_ids=[author])
        answer = await self._rpc.call(self._stub.LookupCounts, request)
        return answer.counts[0].follower_count

    async def pages(
        self, author: int, after: int | None
    ) -> AsyncGenerator[tuple[list[int], list[int]], None]:
        """Followers with id > `after` (None: all) in bounded pages: (close friends, the rest)."""
        request = pb.StreamFollowersRequest(
            user_id=author, page_size=FOLLOWERS_PER_PAGE, after_follower_id=after or 0
        )
        stream = self._rpc.stream(
            self._stub.StreamFollowers,
            request,
            timeout_s=FOLLOWERS_TIMEOUT_S,
            idle_s=FOLLOWERS_IDLE_S,
        )
        # A reader that leaves off ends the call at once, not when the collector comes.
        async with aclosing(stream) as pages:
            async for page in pages:
                yield list(page.close_friend_ids), list(page.follower_ids)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the fan-out's `Tweets` and `Deliveries`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = TweetServiceStub(channel)
        self._rpc = rpc

    async def exists(self, tweet_id: int) -> bool:
        """Whether the tweet is there, and not deleted.

        A process of a release before the fan-out asked this does not let it ask: that is waited
        out, with `UnavailableError`.
        """
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=[tweet_id])
        try:
            answer = await self._rpc.call(self._stub.LookupTweets, request)
        except PermissionDeniedError as error:
            raise UnavailableError(str(error)) from error
        return bool(answer.tweets)

    async def decide(self, tweet_id: int, *, push: bool) -> bool:
        """Remember push or pull; returns the first decision ever made for this tweet.

        Raises `NotFoundError` when the tweet is not there.
        """
        wanted = tweet_service_pb2.DELIVERY_PUSH if push else tweet_service_pb2.DELIVERY_PULL
        answer = await self._rpc.call(
            self._stub.DecideDelivery,
            tweet_service_pb2.DecideDeliveryRequest(tweet_id=tweet_id, delivery=wanted),
        )
        return answer.delivery == tweet_service_pb2.DELIVERY_PUSH
