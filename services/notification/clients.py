"""The sibling services over gRPC, as the notification service's ports want them."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.notification.model import Standing, TweetFacts
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp
from services.platform.text.handles import canonical

__all__ = ["GraphClient", "TweetClient", "UserClient"]

Item = TypeVar("Item")

PER_CALL: Final = 1_000
"""What each of these services takes at once; longer lists are split."""
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

    async def encoded(self, user_ids: Sequence[int]) -> dict[int, bytes]:
        """The users that the ids name."""
        return {
            user.user_id: user.SerializeToString()
            async for answer in self._lookup(user_ids)
            for user in answer.users
        }

    async def by_handles(self, handles: Sequence[str]) -> dict[str, int]:
        """The users who have the handles, by these as they were given; others are left out."""
        owners: dict[str, int] = {}
        for page in _pages(handles):
            request = user_service_pb2.LookupUsersByHandleRequest(handles=page)
            with _waiting_for_upgrade():
                answer = await self._rpc.call(self._stub.LookupUsersByHandle, request)
            found = {canonical(user.handle): user.user_id for user in answer.users}
            owners |= {each: found[name] for each in page if (name := canonical(each)) in found}
        return owners

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for page in _pages(user_ids):
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            with _waiting_for_upgrade():
                answer = await self._rpc.call(self._stub.LookupUsers, request)
            yield answer


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; a `Graph`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)

    async def standings(
        self, pairs: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], Standing]:
        """How users stand to others, by one call for a thousand pairs."""
        standings: dict[tuple[int, int], Standing] = {}
        for page in _pages(list(dict.fromkeys(pairs))):
            request = graph_service_pb2.LookupStandingsRequest(
                pairs=[
                    graph_service_pb2.UserPair(user_id=user_id, target_id=target_id)
                    for user_id, target_id in page
                ]
            )
            with _waiting_for_upgrade():
                answer = await self._rpc.call(self._stub.LookupStandings, request)
            standings |= zip(page, map(_standing, answer.standings), strict=True)
        return standings


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the notification service's `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = tweet_service_pb2_grpc.TweetServiceStub(channel)

    async def facts(self, tweet_ids: Sequence[int]) -> list[TweetFacts]:
        """What tells whom the tweets are about, without those that are missing."""
        return [
            _facts(tweet) async for answer in self._lookup(tweet_ids) for tweet in answer.tweets
        ]

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no tweet, or a deleted one."""
        return [one async for answer in self._lookup(tweet_ids) for one in answer.missing_ids]

    async def encoded(self, tweet_ids: Sequence[int]) -> dict[int, bytes]:
        """The tweets, without those that are missing."""
        return {
            tweet.tweet_id: tweet.SerializeToString()
            async for answer in self._lookup(tweet_ids)
            for tweet in answer.tweets
        }

    async def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        for page in _pages(tweet_ids):
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
        with _waiting_for_upgrade():
            return await self._rpc.call(self._stub.LookupTweets, request)


def _facts(tweet: tweet_pb2.Tweet) -> TweetFacts:
    return TweetFacts(
        tweet_id=tweet.tweet_id,
        author_id=tweet.user_id,
        in_reply_to_tweet_id=tweet.in_reply_to_tweet_id,
        quote_tweet_id=tweet.quote_tweet_id,
        mentions=tuple(mention.username for mention in tweet.entities.mentions),
    )


def _standing(standing: graph_service_pb2.Standing) -> Standing:
    return Standing(
        hidden=standing.hidden,
        followed=standing.followed_by,
        follow_changed_ms=from_timestamp(standing.follow_changed_at),
    )


def _pages(items: Sequence[Item], size: int = PER_CALL) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@contextmanager
def _waiting_for_upgrade() -> Iterator[None]:
    """Have it waited out that a sibling is of a release that does not know this call or caller."""
    try:
        yield
    except PermissionDeniedError as error:
        raise UnavailableError(str(error)) from error
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        raise UnavailableError("a sibling is of a release before") from error
