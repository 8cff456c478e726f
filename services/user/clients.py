"""The sibling services over gRPC, as the user service's ports want them."""

from collections.abc import Sequence

import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc

from services.platform.rpc.earlier_release import of_any_release
from services.platform.rpc.rpc_client import RpcClient
from services.user.model import FollowCounts

__all__ = ["GraphClient", "TweetClient"]


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; a `Follows` and a `Protection`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)

    async def counts(self, user_ids: Sequence[int]) -> dict[int, FollowCounts]:
        """Read how many follow each of up to 1000 users, and are followed, by one call."""
        request = graph_service_pb2.LookupCountsRequest(user_ids=user_ids)
        answer = await self._rpc.call(self._stub.LookupCounts, request)
        # A process of an earlier release counts followers alone.
        return {
            each.user_id: FollowCounts(
                each.follower_count,
                each.following_count if each.HasField("following_count") else None,
            )
            for each in answer.counts
        }

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> None:
        """Have it kept, by calls that each approve some of the requests to follow."""
        request = graph_service_pb2.SetProtectionRequest(
            user_id=user_id, revision=revision, protected=protected
        )
        has_more = True
        while has_more:
            with of_any_release():
                answer = await self._rpc.call(self._stub.SetProtection, request)
            has_more = answer.has_more


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; a `Tweets` and a `SeenTweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)

    async def counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read how many tweets each of up to 1000 users has, by one call."""
        request = tweet_service_pb2.LookupAuthorCountsRequest(user_ids=user_ids)
        with of_any_release():
            answer = await self._rpc.call(self._stub.LookupAuthorCounts, request)
        return {each.user_id: each.tweet_count for each in answer.counts}

    async def authors(self, reader: int, tweet_ids: Sequence[int]) -> dict[int, int]:
        """Read who wrote those of up to 1000 tweets that the reader may see, by one call."""
        request = tweet_service_pb2.LookupSeenTweetsRequest(
            tweet_ids=tweet_ids, reader_user_id=reader
        )
        with of_any_release():
            answer = await self._rpc.call(self._stub.LookupSeenTweets, request)
        return {each.tweet_id: each.user_id for each in answer.tweets}
