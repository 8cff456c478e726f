"""The sibling services over gRPC, as the engagement service's ports want them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.engagement.model import EncodedTweet, References, UserProfile
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.parts import in_parts, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp

__all__ = ["TweetClient", "UserClient"]

MAX_IDS_PER_CALL: Final = 1_000
"""What both services take at once; longer lists are split."""
TWEETS_PER_ANSWER: Final = 15
"""As many of any size as one answer holds: the longest URLs make a tweet of 270 kB, as each is in
the text and among the entities, and 4 MB is what a channel takes. Where an answer does not fit, the
same is asked for again in such parts."""


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
                bio=user.bio,
            )
            async for answer in self._lookup(user_ids)
            for user in answer.users
        ]

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for page in paged(user_ids, MAX_IDS_PER_CALL):
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            with _not_yet_allowed():
                answer = await self._rpc.call(self._stub.LookupUsers, request)
            yield answer


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

    def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        return in_parts(self._look_up, tweet_ids, most=MAX_IDS_PER_CALL, fits=TWEETS_PER_ANSWER)

    async def _look_up(self, tweet_ids: Sequence[int]) -> tweet_service_pb2.LookupTweetsResponse:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        with _not_yet_allowed():
            return await self._rpc.call(self._stub.LookupTweets, request)


@contextmanager
def _not_yet_allowed() -> Iterator[None]:
    """Have a refusal waited out: a process of a release without this service gives one."""
    try:
        yield
    except PermissionDeniedError as error:
        raise UnavailableError(str(error)) from error
