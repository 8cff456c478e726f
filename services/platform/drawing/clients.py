"""Siblings over gRPC, as what adds to tweets asks them."""

from collections.abc import Sequence
from typing import Final

import grpc
import grpc.aio
from aviary.engagement.v1 import engagement_service_pb2 as pb
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from aviary.tweet.v1 import tweet_service_pb2
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2
from aviary.user.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.platform.drawing.pieces import TweetPieces, done_of, pieces_of
from services.platform.drawing.ports import Done, Newest, ReferencedTweet, UserPiece
from services.platform.rpc.json_answers import json_writer
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, in_parts, paged
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["EngagementClient", "ReferencedTweetClient", "UserPieceClient"]

MAX_IDS_PER_CALL: Final = 1_000
"""What each sibling takes at once; more are split."""

_user_json = json_writer(User.DESCRIPTOR)


class EngagementClient:
    """A client of `aviary.engagement.v1.EngagementService`: `Counts`, and `EngagedTweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = EngagementServiceStub(channel)

    async def counts(self, tweet_ids: Sequence[int]) -> dict[int, TweetPieces]:
        """Read counts, by one call as a rule."""
        found: dict[int, TweetPieces] = {}
        for page in paged(tweet_ids, MAX_IDS_PER_CALL):
            request = pb.LookupCountsRequest(tweet_ids=page)
            answer = await self._rpc.call(self._stub.LookupCounts, request)
            found |= {
                each.tweet_id: pieces_of(
                    likes=each.like_count,
                    retweets=each.retweet_count,
                    replies=each.reply_count,
                    quotes=each.quote_count,
                )
                for each in answer.counts
            }
        return found

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> Done:
        """Read what the user did with tweets, by one call as a rule."""
        found: dict[int, int] = {}
        for page in paged(tweet_ids, MAX_IDS_PER_CALL):
            request = pb.LookupEngagedRequest(user_id=user_id, tweet_ids=page)
            found |= _done((await self._rpc.call(self._stub.LookupEngaged, request)).engaged)
        return found

    async def newest(self, user_id: int) -> Newest:
        """Read what the user did with the newest tweets."""
        request = pb.ListNewestEngagedRequest(user_id=user_id)
        answer = await self._rpc.call(self._stub.ListNewestEngaged, request)
        return Newest(_done(answer.engaged), answer.floor_tweet_id)


class UserPieceClient:
    """A client of `aviary.user.v1.UserService`: `Users`, and `Mentioned`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = UserServiceStub(channel)

    async def users(self, user_ids: Sequence[int]) -> dict[int, UserPiece]:
        """Read users, by one call as a rule."""
        found = dict.fromkeys(user_ids, UserPiece())
        for page in paged(user_ids, MAX_IDS_PER_CALL):
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            answer = await self._rpc.call(self._stub.LookupUsers, request)
            found |= {user.user_id: _piece(user) for user in answer.users}
        return found

    async def mentioned(self, handles: Sequence[str]) -> dict[int, UserPiece]:
        """Read users by handle, by one call."""
        request = user_service_pb2.LookupUsersByHandleRequest(handles=handles)
        answer = await self._rpc.call(self._stub.LookupUsersByHandle, request)
        return {user.user_id: _piece(user) for user in answer.users}


class ReferencedTweetClient:
    """A client of `aviary.tweet.v1.TweetService`; `ReferencedTweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = TweetServiceStub(channel)

    async def referenced(self, tweet_ids: Sequence[int]) -> dict[int, ReferencedTweet]:
        """Read tweets, by one call as a rule."""
        found: dict[int, ReferencedTweet] = {}
        async for answer in in_parts(
            self._look_up, tweet_ids, most=MAX_IDS_PER_CALL, fits=LARGEST_TWEETS_PER_ANSWER
        ):
            found |= answer
        return found

    async def _look_up(self, tweet_ids: Sequence[int]) -> dict[int, ReferencedTweet]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        answer = await self._rpc.call(self._stub.LookupTweets, request)
        return {
            tweet.tweet_id: ReferencedTweet(
                tweet.tweet_id, tweet.user_id, tweet.SerializeToString()
            )
            for tweet in answer.tweets
        }


def _piece(user: User) -> UserPiece:
    return UserPiece(user.SerializeToString(), _user_json(user).encode())


def _done(engaged: pb.Engaged) -> Done:
    return done_of(engaged.liked_ids, engaged.retweeted_ids, engaged.bookmarked_ids)
