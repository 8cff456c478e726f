"""The sibling services over gRPC, as the media service's ports want them."""

from collections.abc import Sequence

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.rpc.earlier_release import of_any_release
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.gathering import Gathering
from services.platform.visibility.messages import facts_of
from services.platform.visibility.seen import TweetFacts

__all__ = ["TweetClient", "UserClient"]


class UserClient:
    """A client of `aviary.user.v1.UserService`; the media service's `Users`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Give those of at most 1,000 `ids` that name no user, by one call."""
        request = user_service_pb2.LookupUsersRequest(user_ids=ids)
        with of_any_release():
            return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the media service's `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)
        self._facts = Gathering(self._look, most=LARGEST_TWEETS_PER_ANSWER)

    async def facts(self, tweet_id: int) -> TweetFacts | None:
        """Give for whom a tweet is, None where it is not there; also this client's `Holders`.

        Who asks in the same moment shares a call with others.
        """
        return await self._facts.get(tweet_id)

    async def _look(self, tweet_ids: Sequence[int]) -> list[TweetFacts | None]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=list(dict.fromkeys(tweet_ids)))
        with of_any_release():
            answer = await self._rpc.call(self._stub.LookupTweets, request)
        found = {tweet.tweet_id: facts_of(tweet) for tweet in answer.tweets}
        return [found.get(each) for each in tweet_ids]

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Give those of the ids that name no tweet, by one call for each that fit an answer."""
        found: list[int] = []
        for page in paged(tweet_ids, LARGEST_TWEETS_PER_ANSWER):
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page)
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupTweets, request)
            found += answer.missing_ids
        return found
