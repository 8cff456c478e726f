"""The sibling services over gRPC, as the media service's ports want them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["TweetClient", "UserClient"]

TWEETS_PER_ANSWER: Final = 14
"""As many of any size as one answer holds (4 MB): the longest URLs and four pictures make a tweet
of 290 kB."""


class UserClient:
    """A client of `aviary.user.v1.UserService`; the media service's `Users`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Give those of at most 1,000 `ids` that name no user, by one call."""
        request = user_service_pb2.LookupUsersRequest(user_ids=ids)
        with _not_yet_allowed():
            return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the media service's `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Give those of the ids that name no tweet, by one call for each that fit an answer."""
        found: list[int] = []
        for start in range(0, len(tweet_ids), TWEETS_PER_ANSWER):
            page = tweet_ids[start : start + TWEETS_PER_ANSWER]
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page)
            with _not_yet_allowed():
                answer = await self._rpc.call(self._stub.LookupTweets, request)
            found += answer.missing_ids
        return found


@contextmanager
def _not_yet_allowed() -> Iterator[None]:
    """Have a refusal waited out: a process of a release without this service gives one."""
    try:
        yield
    except PermissionDeniedError as error:
        raise UnavailableError(str(error)) from error
