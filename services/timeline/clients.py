"""Clients of the siblings that a timeline is read from: tweets, graph and users, over gRPC."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import chain
from typing import TypeVar

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc
from google.protobuf.message import DecodeError

from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.parts import is_too_large, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.gathering import Gathering
from services.timeline.model import EncodedTweet, ViewerRelations

__all__ = ["GraphClient", "TweetClient", "UserClient", "is_tweet"]

Answer = TypeVar("Answer")

MAX_AUTHORS_PER_CALL = 1000
"""What the tweet service takes at once; longer lists are split."""

MAX_AUTHORS_AT_ONCE = 64
"""Authors whose newest tweets are listed by one call for many readers."""

MAX_VIEWERS_PER_CALL = 64
"""Viewers whose relations are asked for by one call; the graph service takes 100."""

MAX_USERS_PER_CALL = 100
"""Users looked up by one call for many readers; the user service takes 1000."""

MAX_TWEETS_PER_CALL = 1000
"""What the tweet service looks up at once; more are split."""

MAX_TWEETS_PER_ANSWER = 15
"""As many of any size as one answer holds: the longest URLs make a tweet of 270 kB, as
each is in the text and among the entities, and 4 MB is what a channel takes. Where an answer does
not fit, the same is asked for again in such parts."""

MAX_IDS_PER_ANSWER = 200_000
"""Listed ids of all authors in one answer: 2 MB, half of what a channel takes."""

CALLS_AT_ONCE = 8
"""Calls of one read to the tweet service at the same time: a build for somebody who follows half a
million takes hundreds, and leaves the service room for others."""

_PUBLIC = 0
"""The visibility of every tweet: tweets have no other yet."""


def is_tweet(tweet_id: int, author_id: int, body: bytes) -> bool:
    """Whether `body` encodes a tweet of this id and author; about a microsecond."""
    try:
        tweet = tweet_pb2.Tweet.FromString(body)
    except DecodeError:
        return False
    return (tweet.tweet_id, tweet.user_id) == (tweet_id, author_id)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`.

    Every method raises the domain errors of the service, `UnavailableError` for no answer in time.
    """

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)
        self._newest = Gathering(self._list_newest, most=MAX_AUTHORS_AT_ONCE)

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        """(tweets, ids that name none or a deleted one), each in the order asked for.

        Any number of positive ids; none gives none.
        """

        async def looked_up(page: Sequence[int]) -> list[tweet_service_pb2.LookupTweetsResponse]:
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page)
            try:
                return [await self._rpc.call(self._stub.LookupTweets, request)]
            except grpc.aio.AioRpcError as error:
                if not is_too_large(error) or len(page) <= MAX_TWEETS_PER_ANSWER:
                    raise
            parts = await _each(looked_up, paged(page, MAX_TWEETS_PER_ANSWER))
            return list(chain.from_iterable(parts))

        pages = await _each(looked_up, paged(tweet_ids, MAX_TWEETS_PER_CALL))
        answers = list(chain.from_iterable(pages))
        tweets = [
            EncodedTweet(
                tweet_id=tweet.tweet_id,
                author_id=tweet.user_id,
                deleted=False,
                visibility=_PUBLIC,
                body=tweet.SerializeToString(),
            )
            for answer in answers
            for tweet in answer.tweets
        ]
        return tweets, [tweet_id for answer in answers for tweet_id in answer.missing_ids]

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        """List the newest ids of each author below `before` (None: all), 1 to 1000 of each.

        Fewer than `limit` means that the author has no more. Any number of authors. Who asks for
        the newest of one author shares a call with others who do so in the same moment.
        """
        if len(authors) == 1 and before is None:
            (author,) = authors
            return {author: await self._newest.get((author, limit))}
        return await self._list(authors, before, limit)

    async def _list_newest(self, wanted: Sequence[tuple[int, int]]) -> list[list[int]]:
        """List the newest of each (author, limit): as many of all as the greediest wants."""
        most = max(limit for _, limit in wanted)
        found = await self._list(list({author for author, _ in wanted}), None, most)
        return [
            found[author] if limit == most else found[author][:limit] for author, limit in wanted
        ]

    async def _list(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        authors_per_call = min(MAX_AUTHORS_PER_CALL, max(1, MAX_IDS_PER_ANSWER // max(1, limit)))

        async def listed(page: Sequence[int]) -> tweet_service_pb2.ListAuthorTweetsResponse:
            request = tweet_service_pb2.ListAuthorTweetsRequest(
                user_ids=page, before_tweet_id=before or 0, limit=limit
            )
            return await self._rpc.call(self._stub.ListAuthorTweets, request)

        answers = await _each(listed, paged(authors, authors_per_call))
        return {
            author.user_id: list(author.tweet_ids)
            for answer in answers
            for author in answer.authors
        }


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; raises domain errors."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)
        self._rpc = rpc
        self._gathered = Gathering(self._lookup, most=MAX_VIEWERS_PER_CALL)

    async def fetch(self, viewer: int) -> ViewerRelations:
        """Whom the viewer follows and does not see, as of now; any number of them.

        Who asks in the same moment shares a call with others.
        """
        try:
            found = await self._gathered.get(viewer)
        except (PermissionDeniedError, grpc.aio.AioRpcError) as error:
            # A process of the release before does not know it, or lets nobody call it.
            if not _is_unknown(error):
                raise
            found = None
        return found or await self._alone(viewer)

    async def _lookup(self, viewers: Sequence[int]) -> list[ViewerRelations | None]:
        """Read the relations of many; None of those who have too many for one answer."""
        found: dict[int, ViewerRelations | None] = {}
        missing = list(dict.fromkeys(viewers))
        while missing:
            request = graph_service_pb2.LookupRelationsRequest(user_ids=missing)
            answer = await self._rpc.call(self._stub.LookupRelations, request)
            for each in answer.relations:
                found[each.user_id] = (
                    ViewerRelations(frozenset(each.following_ids), frozenset(each.hidden_ids))
                    if each.whole
                    else None
                )
            rest = [viewer for viewer in missing if viewer not in found]
            if len(rest) == len(missing):
                raise UnavailableError("the graph service answers for nobody")
            missing = rest
        return [found[viewer] for viewer in viewers]

    async def _alone(self, viewer: int) -> ViewerRelations:
        """Read the relations of one viewer, by a stream."""
        try:
            return await self._streamed(viewer)
        except (PermissionDeniedError, grpc.aio.AioRpcError) as error:
            if not _is_unknown(error):
                raise
        # One of the release before that does not know the stream either.
        request = graph_service_pb2.GetRelationsRequest(user_id=viewer)
        answer = await self._rpc.call(self._stub.GetRelations, request)
        return ViewerRelations(frozenset(answer.following_ids), frozenset(answer.hidden_ids))

    async def _streamed(self, viewer: int) -> ViewerRelations:
        request = graph_service_pb2.StreamRelationsRequest(user_id=viewer)
        following, hidden = set[int](), set[int]()
        async with aclosing(self._rpc.stream(self._stub.StreamRelations, request)) as pages:
            async for page in pages:
                following.update(page.following_ids)
                hidden.update(page.hidden_ids)
        return ViewerRelations(frozenset(following), frozenset(hidden))


class UserClient:
    """A client of `aviary.user.v1.UserService`; raises domain errors."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)
        self._rpc = rpc
        self._gathered = Gathering(self._lookup, most=MAX_USERS_PER_CALL)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Those of `ids` that name no user; who asks in the same moment shares a call."""
        exist = await asyncio.gather(*map(self._gathered.get, ids))
        return [each for each, exists in zip(ids, exist, strict=True) if not exists]

    async def _lookup(self, ids: Sequence[int]) -> list[bool]:
        request = user_service_pb2.LookupUsersRequest(user_ids=list(dict.fromkeys(ids)))
        answer = await self._rpc.call(self._stub.LookupUsers, request)
        missing = frozenset(answer.missing_ids)
        return [each not in missing for each in ids]


def _is_unknown(error: PermissionDeniedError | grpc.aio.AioRpcError) -> bool:
    if isinstance(error, PermissionDeniedError):
        return True
    return bool(error.code() is grpc.StatusCode.UNIMPLEMENTED)


async def _each(
    call: Callable[[Sequence[int]], Awaitable[Answer]], pages: Iterable[Sequence[int]]
) -> list[Answer]:
    """Call for each page, `CALLS_AT_ONCE` at a time; the answers come in the pages' order."""
    room = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(page: Sequence[int]) -> Answer:
        async with room:
            return await call(page)

    return await asyncio.gather(*map(one, pages))
