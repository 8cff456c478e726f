"""The sibling services over gRPC, as the engagement service's ports want them."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.engagement.model import EncodedTweet, References, UserProfile
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp

__all__ = ["TweetClient", "UserClient"]

MAX_IDS_PER_CALL: Final = 1_000
"""What both services take at once; longer lists are split."""


class UserClient:
    """A client of `aviary.user.v1.UserService`; a `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        return [one async for answer in self._lookup(user_ids) for one in answer.missing_ids]

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        """The users that the ids name, in the order given, without those that name none."""
        return [
            UserProfile(
                user_id=user.user_id,
                handle=user.handle,
                display_name=user.display_name,
                created_at_ms=from_timestamp(user.created_at),
            )
            async for answer in self._lookup(user_ids)
            for user in answer.users
        ]

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for start in range(0, len(user_ids), MAX_IDS_PER_CALL):
            page = user_ids[start : start + MAX_IDS_PER_CALL]
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            yield await self._rpc.call(self._stub.LookupUsers, request)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the engagement service's `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no tweet, or a deleted one."""
        return [one async for answer in self._lookup(tweet_ids) for one in answer.missing_ids]

    async def references(self, tweet_ids: Sequence[int]) -> list[References]:
        """What the tweets are about, without those that are missing."""
        return [
            References(tweet.tweet_id, tweet.in_reply_to_tweet_id, tweet.quote_tweet_id)
            async for answer in self._lookup(tweet_ids)
            for tweet in answer.tweets
        ]

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        """The tweets, in the order given, without those that are missing."""
        return [
            EncodedTweet(tweet.tweet_id, tweet.SerializeToString())
            async for answer in self._lookup(tweet_ids)
            for tweet in answer.tweets
        ]

    async def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        for start in range(0, len(tweet_ids), MAX_IDS_PER_CALL):
            page = tweet_ids[start : start + MAX_IDS_PER_CALL]
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page)
            yield await self._rpc.call(self._stub.LookupTweets, request)
