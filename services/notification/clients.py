"""The sibling services over gRPC, as the notification service's ports want them."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2, tweet_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.notification.model import Seen, Standing, TweetFacts
from services.platform.muting.clients import words_of
from services.platform.muting.words import NOTHING_MUTED
from services.platform.rpc.earlier_release import of_any_release
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, in_parts, paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp
from services.platform.text.handles import canonical
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.messages import encoded_of
from services.platform.visibility.rule import visibility_of

__all__ = ["GraphClient", "TweetClient", "UserClient"]

PER_CALL: Final = 1_000
"""What each of these services takes at once; longer lists are split."""


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
        for page in paged(handles, PER_CALL):
            request = user_service_pb2.LookupUsersByHandleRequest(handles=page)
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupUsersByHandle, request)
            found = {canonical(user.handle): user.user_id for user in answer.users}
            owners |= {each: found[name] for each in page if (name := canonical(each)) in found}
        return owners

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for page in paged(user_ids, PER_CALL):
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            with of_any_release():
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
        async for page, answer in self._lookup(pairs, with_words=False):
            standings |= zip(page, map(_standing, answer.standings), strict=True)
        return standings

    async def seen_by(self, user_id: int, actor_ids: Collection[int]) -> Seen:
        """How a reader stands to each actor, and what they have muted."""
        standings: dict[int, Standing] = {}
        words = NOTHING_MUTED
        pairs = [(user_id, actor_id) for actor_id in actor_ids]
        async for page, answer in self._lookup(pairs, with_words=True):
            actors = [actor_id for _, actor_id in page]
            standings |= zip(actors, map(_standing, answer.standings), strict=True)
            words = words_of(answer.muted_words).get(user_id, NOTHING_MUTED)
        return Seen(standings, words)

    async def _lookup(
        self, pairs: Collection[tuple[int, int]], *, with_words: bool
    ) -> AsyncIterator[tuple[Sequence[tuple[int, int]], graph_service_pb2.LookupStandingsResponse]]:
        for page in paged(list(dict.fromkeys(pairs)), PER_CALL):
            request = graph_service_pb2.LookupStandingsRequest(
                pairs=[
                    graph_service_pb2.UserPair(user_id=user_id, target_id=target_id)
                    for user_id, target_id in page
                ],
                with_muted_words=with_words,
            )
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupStandings, request)
            yield page, answer


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

    async def encoded(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """The tweets, without those that are missing."""
        return {
            tweet.tweet_id: encoded_of(tweet)
            async for answer in self._lookup(tweet_ids)
            for tweet in answer.tweets
        }

    def _lookup(
        self, tweet_ids: Sequence[int]
    ) -> AsyncIterator[tweet_service_pb2.LookupTweetsResponse]:
        return in_parts(self._look_up, tweet_ids, most=PER_CALL, fits=LARGEST_TWEETS_PER_ANSWER)

    async def _look_up(self, tweet_ids: Sequence[int]) -> tweet_service_pb2.LookupTweetsResponse:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        with of_any_release():
            return await self._rpc.call(self._stub.LookupTweets, request)


def _facts(tweet: tweet_pb2.Tweet) -> TweetFacts:
    return TweetFacts(
        tweet_id=tweet.tweet_id,
        author_id=tweet.user_id,
        in_reply_to_tweet_id=tweet.in_reply_to_tweet_id,
        quote_tweet_id=tweet.quote_tweet_id,
        mentions=tuple(mention.username for mention in tweet.entities.mentions),
        visibility=visibility_of(tweet.visibility),
        audience=tuple(tweet.audience.user_ids),
    )


def _standing(standing: graph_service_pb2.Standing) -> Standing:
    return Standing(
        hidden=standing.hidden,
        followed=standing.followed_by,
        follow_changed_ms=from_timestamp(standing.follow_changed_at),
        requested=standing.requested_by,
        request_changed_ms=from_timestamp(standing.request_changed_at),
    )
