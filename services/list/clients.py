"""The sibling services over gRPC, as the list service's ports want them."""

from collections.abc import Sequence

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, in_parts
from services.platform.rpc.rpc_client import RpcClient
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.messages import encoded_of

__all__ = ["TweetClient", "UserClient"]


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
        answers = in_parts(
            self._look_up,
            tweet_ids,
            most=max(1, len(tweet_ids)),
            fits=LARGEST_TWEETS_PER_ANSWER,
        )
        return [tweet async for answer in answers for tweet in answer]

    async def _look_up(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        answer = await self._rpc.call(self._stub.LookupTweets, request)
        return list(map(encoded_of, answer.tweets))
