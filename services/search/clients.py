"""Siblings over gRPC: tweets to index and to show, handles, and whom a reader does not see."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

import grpc.aio
from aviary.graph.v1 import graph_service_pb2
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.platform.errors import NotFoundError, PermissionDeniedError
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, in_parts
from services.platform.rpc.rpc_client import RpcClient
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.messages import encoded_of, facts_of
from services.platform.visibility.rule import Visibility
from services.search.model import TweetText

__all__ = ["GraphClient", "TweetClient", "UserClient"]

TWEETS_PER_CALL: Final = 1_000
"""What the tweet service looks up at once."""
STREAM_TIMEOUT_S: Final = 20.0
"""For a thousand tweets, while a busy store reads them and this process indexes others."""


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; an `IndexedTweets` and an `EncodedTweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = TweetServiceStub(channel)

    async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
        """Read encoded tweets, by one call as a rule."""
        return {tweet.tweet_id: encoded_of(tweet) for tweet in await self._lookup(tweet_ids)}

    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        """Read tweets, by one call as a rule, and by another those that they answer."""
        return await self._texts(await self._lookup(tweet_ids))

    async def read_all(self, after: int, limit: int) -> tuple[Sequence[TweetText], int | None, int]:
        """Read the next of all tweets, by a stream."""
        request = tweet_service_pb2.StreamTweetsRequest(after_tweet_id=after, limit=limit)
        stream = self._rpc.stream(self._stub.StreamTweets, request, timeout_s=STREAM_TIMEOUT_S)
        tweets: list[tweet_pb2.Tweet] = []
        resume: int | None = None
        percent = 0
        async with aclosing(stream) as pages:
            async for page in pages:
                tweets += page.tweets
                has_more = page.HasField("resume_after_tweet_id")
                resume = page.resume_after_tweet_id if has_more else None
                percent = page.percent
        return await self._texts(tweets), resume, percent

    async def _texts(self, tweets: Sequence[tweet_pb2.Tweet]) -> list[TweetText]:
        known = {tweet.tweet_id: tweet.user_id for tweet in tweets}
        answered = {tweet.in_reply_to_tweet_id for tweet in tweets} - {0}
        missing = sorted(answered - known.keys())
        known |= {tweet.tweet_id: tweet.user_id for tweet in await self._lookup(missing)}
        return [_text(tweet, known.get(tweet.in_reply_to_tweet_id, 0)) for tweet in tweets]

    async def _lookup(self, tweet_ids: Sequence[int]) -> list[tweet_pb2.Tweet]:
        answers = in_parts(
            self._look_up, tweet_ids, most=TWEETS_PER_CALL, fits=LARGEST_TWEETS_PER_ANSWER
        )
        return [tweet async for answer in answers for tweet in answer.tweets]

    async def _look_up(self, tweet_ids: Sequence[int]) -> tweet_service_pb2.LookupTweetsResponse:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        return await self._rpc.call(self._stub.LookupTweets, request)


class UserClient:
    """A client of `aviary.user.v1.UserService`; a `Handles` and a `Readers`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = UserServiceStub(channel)

    async def user_of(self, handle: str) -> int | None:
        """Look up a handle."""
        request = user_service_pb2.GetUserByHandleRequest(handle=handle)
        try:
            return (await self._rpc.call(self._stub.GetUserByHandle, request)).user.user_id
        except NotFoundError:
            return None

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Ask for all of them by one call."""
        request = user_service_pb2.LookupUsersRequest(user_ids=user_ids)
        try:
            return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)
        except PermissionDeniedError:
            # A process of the release before lets no search service ask.
            return []


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; a `Hidden`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = GraphServiceStub(channel)

    async def from_reader(self, user_id: int) -> frozenset[int]:
        """Read whom the reader does not see, by a stream; nobody, where they are very many."""
        request = graph_service_pb2.StreamRelationsRequest(
            user_id=user_id, hidden_only=True, bounded=True
        )
        hidden = set[int]()
        async with aclosing(self._rpc.stream(self._stub.StreamRelations, request)) as pages:
            async for page in pages:
                hidden.update(page.hidden_ids)
        return frozenset(hidden)


def _text(tweet: tweet_pb2.Tweet, answered_author: int) -> TweetText:
    return TweetText(
        tweet_id=tweet.tweet_id,
        author_id=tweet.user_id,
        text=tweet.text,
        language=tweet.language,
        answered_author_id=answered_author,
        is_reply=tweet.in_reply_to_tweet_id != 0,
        is_public=facts_of(tweet).visibility == Visibility.PUBLIC,
    )
