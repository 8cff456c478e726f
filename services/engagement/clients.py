"""The sibling services over gRPC, as the engagement service's ports want them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import grpc
import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.engagement.model import EncodedTweet, References, UserProfile
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp

__all__ = ["TweetClient", "UserClient"]

MAX_IDS_PER_CALL: Final = 1_000
"""What both services take at once; longer lists are split."""
TWEETS_PER_ANSWER: Final = 14
"""As many of any size as one answer holds: the longest URLs, each in the text and among the
entities, and four pictures make a tweet of 290 kB, and 4 MB is what a channel takes. Where an
answer does not fit, the same is asked for again in such parts."""


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
        for page in _pages(user_ids, MAX_IDS_PER_CALL):
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

    async def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        for page in _pages(tweet_ids, MAX_IDS_PER_CALL):
            try:
                answer = await self._look_up(page)
            except grpc.aio.AioRpcError as error:
                is_too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                if not is_too_large or len(page) <= TWEETS_PER_ANSWER:
                    raise
            else:
                yield answer
                continue
            for part in _pages(page, TWEETS_PER_ANSWER):
                yield await self._look_up(part)

    async def _look_up(self, tweet_ids: Sequence[int]) -> tweet_service_pb2.LookupTweetsResponse:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        with _not_yet_allowed():
            return await self._rpc.call(self._stub.LookupTweets, request)


def _pages(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


@contextmanager
def _not_yet_allowed() -> Iterator[None]:
    """Have a refusal waited out: a process of a release without this service gives one."""
    try:
        yield
    except PermissionDeniedError as error:
        raise UnavailableError(str(error)) from error
