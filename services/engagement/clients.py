"""The sibling services over gRPC, as the engagement service's ports want them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import grpc.aio
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.engagement.model import Edge, References, ReferenceSlice, UserProfile
from services.platform.rpc.earlier_release import of_any_release
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, in_parts, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.messages import encoded_of, facts_of
from services.platform.visibility.seen import TweetFacts

__all__ = ["TweetClient", "UserClient"]

MAX_IDS_PER_CALL: Final = 1_000
"""What both services take at once; longer lists are split."""
RETWEETS_PER_CALL: Final = 100
"""Each is a step of its own for the tweet service: some tens of milliseconds of its store."""
STREAM_TIMEOUT_S: Final = 20.0
"""For ten thousand tweets, while a busy store reads them."""


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
                protected=user.protected,
            )
            async for answer in self._lookup(user_ids)
            for user in answer.users
        ]

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for page in paged(user_ids, MAX_IDS_PER_CALL):
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            with of_any_release():
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

    async def references(self, tweet_ids: Sequence[int]) -> tuple[list[References], list[int]]:
        """What the tweets are about, and which of them there are not."""
        found: list[References] = []
        missing: list[int] = []
        async for answer in self._lookup(tweet_ids):
            found += map(_references, answer.tweets)
            missing += answer.missing_ids
        return found, missing

    async def references_after(self, after: int, limit: int) -> ReferenceSlice:
        """What the next of all tweets are about, by a stream."""
        request = tweet_service_pb2.StreamTweetsRequest(after_tweet_id=after, limit=limit)
        stream = self._rpc.stream(self._stub.StreamTweets, request, timeout_s=STREAM_TIMEOUT_S)
        found: list[References] = []
        resume: int | None = None
        percent = 0
        async with aclosing(stream) as pages:
            async for page in pages:
                found += map(_references, page.tweets)
                has_more = page.HasField("resume_after_tweet_id")
                resume = page.resume_after_tweet_id if has_more else None
                percent = page.percent
        about = tuple(each for each in found if each.in_reply_to_tweet_id or each.quote_tweet_id)
        return ReferenceSlice(about, resume, percent)

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        """The tweets, in the order given, without those that are missing."""
        return [
            encoded_of(tweet) async for answer in self._lookup(tweet_ids) for tweet in answer.tweets
        ]

    async def facts(self, tweet_ids: Sequence[int]) -> tuple[dict[int, TweetFacts], list[int]]:
        """For whom the tweets are, and which of them there are not."""
        found: dict[int, TweetFacts] = {}
        missing: list[int] = []
        async for answer in self._lookup(tweet_ids):
            found |= {tweet.tweet_id: facts_of(tweet) for tweet in answer.tweets}
            missing += answer.missing_ids
        return found, missing

    async def place(self, standing: Mapping[Edge, bool]) -> None:
        """Have retweets stand in timelines, or not; also this client's `Retweets`."""
        states = [
            tweet_service_pb2.RetweetState(
                user_id=edge.actor_id, tweet_id=edge.tweet_id, standing=stands
            )
            for edge, stands in standing.items()
        ]
        for part in paged(states, RETWEETS_PER_CALL):
            request = tweet_service_pb2.PlaceRetweetsRequest(retweets=part)
            with of_any_release():
                await self._rpc.call(self._stub.PlaceRetweets, request)

    def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        return in_parts(
            self._look_up, tweet_ids, most=MAX_IDS_PER_CALL, fits=LARGEST_TWEETS_PER_ANSWER
        )

    async def _look_up(self, tweet_ids: Sequence[int]) -> tweet_service_pb2.LookupTweetsResponse:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        with of_any_release():
            return await self._rpc.call(self._stub.LookupTweets, request)


def _references(tweet: tweet_pb2.Tweet) -> References:
    return References(tweet.tweet_id, tweet.in_reply_to_tweet_id, tweet.quote_tweet_id)
