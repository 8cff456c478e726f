"""Siblings over gRPC: tweets to index and to show, handles, and whom a reader does not see."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.platform.errors import NotFoundError, PermissionDeniedError
from services.platform.rpc.rpc_client import RpcClient
from services.search.model import EncodedTweet, TweetText

__all__ = ["GraphClient", "TweetClient", "UserClient"]

TWEETS_PER_CALL: Final = 1_000
"""What the tweet service looks up at once."""
TWEETS_PER_ANSWER: Final = 14
"""As many of any size as one answer holds: the longest URLs, each in the text and among the
entities, and four pictures make a tweet of 290 kB, and 4 MB is what a channel takes. Where an
answer does not fit, the same is asked for again in such parts."""
STREAM_TIMEOUT_S: Final = 20.0
"""For a thousand tweets, while a busy store reads them and this process indexes others."""


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; an `IndexedTweets` and an `EncodedTweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = TweetServiceStub(channel)

    async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
        """Read encoded tweets, by one call as a rule."""
        return {
            tweet.tweet_id: EncodedTweet(tweet.user_id, tweet.SerializeToString())
            for tweet in await self._lookup(tweet_ids)
        }

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
        found: list[tweet_pb2.Tweet] = []
        for page in _pages(tweet_ids, TWEETS_PER_CALL):
            try:
                found += await self._look_up(page)
            except grpc.aio.AioRpcError as error:
                is_too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                if not is_too_large or len(page) <= TWEETS_PER_ANSWER:
                    raise
                for part in _pages(page, TWEETS_PER_ANSWER):
                    found += await self._look_up(part)
        return found

    async def _look_up(self, tweet_ids: Sequence[int]) -> Iterable[tweet_pb2.Tweet]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        return (await self._rpc.call(self._stub.LookupTweets, request)).tweets


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
        """Read whom the reader does not see, by a stream."""
        request = graph_service_pb2.StreamRelationsRequest(user_id=user_id, hidden_only=True)
        hidden = set[int]()
        async with aclosing(self._rpc.stream(self._stub.StreamRelations, request)) as pages:
            async for page in pages:
                hidden.update(page.hidden_ids)
        return frozenset(hidden)

    async def among(self, user_id: int, author_ids: Collection[int]) -> frozenset[int]:
        """Ask for all of them by one call."""
        request = graph_service_pb2.LookupHiddenRequest(user_id=user_id, author_ids=author_ids)
        try:
            answer = await self._rpc.call(self._stub.LookupHidden, request)
        except (PermissionDeniedError, grpc.aio.AioRpcError) as error:
            # A process of the release before does not know it, or lets nobody call it.
            if not _is_unknown(error):
                raise
            return (await self.from_reader(user_id)).intersection(author_ids)
        return frozenset(answer.hidden_ids)


def _text(tweet: tweet_pb2.Tweet, answered_author: int) -> TweetText:
    return TweetText(
        tweet_id=tweet.tweet_id,
        author_id=tweet.user_id,
        text=tweet.text,
        # Of tweets whose service says it.
        language=getattr(tweet, "language", ""),
        answered_author_id=answered_author,
        is_reply=tweet.in_reply_to_tweet_id != 0,
    )


def _is_unknown(error: PermissionDeniedError | grpc.aio.AioRpcError) -> bool:
    if isinstance(error, PermissionDeniedError):
        return True
    return bool(error.code() is grpc.StatusCode.UNIMPLEMENTED)


def _pages(ids: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
