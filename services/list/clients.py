"""The sibling services over gRPC, as the list service's ports want them."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.list.model import EncodedTweet
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["GraphClient", "TweetClient", "UserClient"]

TWEETS_PER_ANSWER: Final = 14
"""As many of any size as one answer holds: the longest URLs, each in the text and among the
entities, and four pictures make a tweet of 290 kB, and 4 MB is what a channel takes. Where an
answer does not fit, the same is asked for again in such parts."""


class UserClient:
    """A client of `aviary.user.v1.UserService`; a `UserDirectory`. At most 500 at once."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user."""
        return list((await self._lookup(user_ids)).missing_ids)

    async def encoded(self, user_ids: Sequence[int]) -> dict[int, bytes]:
        """The users that the ids name."""
        answer = await self._lookup(user_ids)
        return {user.user_id: user.SerializeToString() for user in answer.users}

    async def _lookup(self, user_ids: Sequence[int]) -> user_service_pb2.LookupUsersResponse:
        request = user_service_pb2.LookupUsersRequest(user_ids=user_ids)
        return await self._rpc.call(self._stub.LookupUsers, request)


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; a `Graph`. At most 500 at once."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)

    async def hidden(self, reader_id: int, author_ids: Collection[int]) -> frozenset[int]:
        """Those whom the reader does not see, by one call."""
        authors = sorted(author_ids)
        request = graph_service_pb2.LookupStandingsRequest(
            pairs=[
                graph_service_pb2.UserPair(user_id=reader_id, target_id=author)
                for author in authors
            ]
        )
        answer = await self._rpc.call(self._stub.LookupStandings, request)
        found = zip(authors, answer.standings, strict=True)
        return frozenset(author for author, standing in found if standing.hidden)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the list service's `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)

    async def newest(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> list[Sequence[int]]:
        """The newest ids of all authors, by one call: of 500 authors eight each as a rule."""
        request = tweet_service_pb2.ListAuthorTweetsRequest(
            user_ids=authors, before_tweet_id=before or 0, limit=limit
        )
        answer = await self._rpc.call(self._stub.ListAuthorTweets, request)
        return [each.tweet_ids for each in answer.authors]

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        """The tweets, by one call as a rule, without those that are missing."""
        try:
            return await self._look_up(tweet_ids)
        except grpc.aio.AioRpcError as error:
            is_too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            if not is_too_large or len(tweet_ids) <= TWEETS_PER_ANSWER:
                raise
        return [tweet for part in _parts(tweet_ids) for tweet in await self._look_up(part)]

    async def _look_up(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        answer = await self._rpc.call(self._stub.LookupTweets, request)
        return [
            EncodedTweet(tweet.tweet_id, tweet.user_id, tweet.SerializeToString())
            for tweet in answer.tweets
        ]


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    size = TWEETS_PER_ANSWER
    return (ids[start : start + size] for start in range(0, len(ids), size))
