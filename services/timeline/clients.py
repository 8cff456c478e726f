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

from services.platform.errors import UnavailableError
from services.platform.muting.words import muted_words
from services.platform.rpc.earlier_release import EarlierReleaseError, of_any_release
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, is_too_large, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.gathering import Gathering
from services.platform.visibility.rule import visibility_of
from services.timeline.model import BodyFacts, EncodedTweet, ViewerRelations

__all__ = ["GraphClient", "TweetClient", "UserClient", "read_tweet"]

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


MAX_IDS_PER_ANSWER = 200_000
"""Listed ids of all authors in one answer: 2 MB, half of what a channel takes."""

CALLS_AT_ONCE = 8
"""Calls of one read to the tweet service at the same time: a build for somebody who follows half a
million takes hundreds, and leaves the service room for others."""

_PUBLIC = 0
"""The visibility of retweets: of others than public tweets there are none."""


def read_tweet(tweet_id: int, author_id: int, body: bytes) -> BodyFacts | None:
    """What rules ask of a tweet; None if `body` encodes none of this id and author.

    It takes about a microsecond.
    """
    try:
        tweet = tweet_pb2.Tweet.FromString(body)
    except DecodeError:
        return None
    if (tweet.tweet_id, tweet.user_id) != (tweet_id, author_id):
        return None
    return _facts(tweet)


def _facts(tweet: tweet_pb2.Tweet) -> BodyFacts:
    if not tweet.visibility:
        return BodyFacts(tweet.in_reply_to_user_id)
    audience = tuple(tweet.audience.user_ids)
    return BodyFacts(tweet.in_reply_to_user_id, visibility_of(tweet.visibility), audience)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`.

    Every method raises the domain errors of the service, `UnavailableError` for no answer in time.
    """

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)
        self._newest = Gathering(self._list_newest, most=MAX_AUTHORS_AT_ONCE)

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        """(tweets and retweets, ids that name none or a deleted one), each in the order asked for.

        Any number of positive ids; none gives none. Retweets come last.
        """

        async def looked_up(page: Sequence[int]) -> list[tweet_service_pb2.LookupTweetsResponse]:
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page, with_retweets=True)
            try:
                return [await self._rpc.call(self._stub.LookupTweets, request)]
            except grpc.aio.AioRpcError as error:
                if not is_too_large(error) or len(page) <= LARGEST_TWEETS_PER_ANSWER:
                    raise
            parts = await _each(looked_up, paged(page, LARGEST_TWEETS_PER_ANSWER))
            return list(chain.from_iterable(parts))

        pages = await _each(looked_up, paged(tweet_ids, MAX_TWEETS_PER_CALL))
        answers = list(chain.from_iterable(pages))
        tweets = [_encoded(tweet) for answer in answers for tweet in answer.tweets]
        tweets += [_retweet(each) for answer in answers for each in answer.retweets]
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
        """Whom the viewer follows, any number of them, and does not see, as of now.

        Of those who are not followed it says only that there are some, where they are very many.
        Who asks in the same moment shares a call with others.
        """
        try:
            with of_any_release():
                found = await self._gathered.get(viewer)
        except EarlierReleaseError:
            found = None
        return found or await self._alone(viewer)

    async def _lookup(self, viewers: Sequence[int]) -> list[ViewerRelations | None]:
        """Read the relations of many; None of those who have too many for one answer."""
        found: dict[int, ViewerRelations | None] = {}
        missing = list(dict.fromkeys(viewers))
        while missing:
            request = graph_service_pb2.LookupRelationsRequest(user_ids=missing, bounded=True)
            answer = await self._rpc.call(self._stub.LookupRelations, request)
            for each in answer.relations:
                found[each.user_id] = _relations(each) if each.whole else None
            rest = [viewer for viewer in missing if viewer not in found]
            if len(rest) == len(missing):
                raise UnavailableError("the graph service answers for nobody")
            missing = rest
        return [found[viewer] for viewer in viewers]

    async def _alone(self, viewer: int) -> ViewerRelations:
        """Read the relations of one viewer, by a stream."""
        try:
            with of_any_release():
                return await self._streamed(viewer)
        except EarlierReleaseError:
            # It does not know the stream either.
            request = graph_service_pb2.GetRelationsRequest(user_id=viewer)
            answer = await self._rpc.call(self._stub.GetRelations, request)
        return ViewerRelations(frozenset(answer.following_ids), frozenset(answer.hidden_ids))

    async def _streamed(self, viewer: int) -> ViewerRelations:
        request = graph_service_pb2.StreamRelationsRequest(user_id=viewer, bounded=True)
        following, hidden, words = set[int](), set[int](), list[str]()
        hides_others = False
        async with aclosing(self._rpc.stream(self._stub.StreamRelations, request)) as pages:
            async for page in pages:
                following.update(page.following_ids)
                hidden.update(page.hidden_ids)
                words += page.muted_words
                hides_others |= page.hides_others
        return ViewerRelations(
            frozenset(following), frozenset(hidden), muted_words(words), hides_others
        )


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


def _relations(found: graph_service_pb2.UserRelations) -> ViewerRelations:
    return ViewerRelations(
        frozenset(found.following_ids),
        frozenset(found.hidden_ids),
        muted_words(found.muted_words),
        found.hides_others,
    )


def _encoded(tweet: tweet_pb2.Tweet) -> EncodedTweet:
    facts = _facts(tweet)
    return EncodedTweet(
        tweet_id=tweet.tweet_id,
        author_id=tweet.user_id,
        deleted=False,
        visibility=facts.visibility,
        body=tweet.SerializeToString(),
        answered_id=facts.answered_id,
        audience=facts.audience,
    )


def _retweet(found: tweet_service_pb2.Retweet) -> EncodedTweet:
    return EncodedTweet(
        tweet_id=found.retweet_id,
        author_id=found.user_id,
        deleted=False,
        visibility=_PUBLIC,
        body=b"",
        retweet_of=found.tweet_id,
    )


async def _each(
    call: Callable[[Sequence[int]], Awaitable[Answer]], pages: Iterable[Sequence[int]]
) -> list[Answer]:
    """Call for each page, `CALLS_AT_ONCE` at a time; the answers come in the pages' order."""
    room = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(page: Sequence[int]) -> Answer:
        async with room:
            return await call(page)

    return await asyncio.gather(*map(one, pages))
