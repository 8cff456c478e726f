"""The siblings that a fan-out is planned from: the graph and tweets, over gRPC."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.tweet.v1 import tweet_service_pb2
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.fanout.model import Audience
from services.platform.rpc.earlier_release import EarlierReleaseError, of_any_release
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER, paged
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["FollowersClient", "TweetClient"]

FOLLOWERS_PER_PAGE = 1_000
"""One fanout job each."""

AUTHORS_ONE_BY_ONE = 10
"""Authors read at once from a graph process that does not know how to read many: as many calls as
end in a fraction of a second."""


FOLLOWERS_IDLE_S = 3.0
"""Between two pages, which a healthy graph service reads in 10 ms."""

FOLLOWERS_TIMEOUT_S = 20.0
"""For a whole stream, with what the reader does in between. Well below the 30 s in which a bus
delivery must be done, and well above the time after which a fan-out plan leaves off by itself."""


class FollowersClient:
    """A client of `aviary.graph.v1.GraphService`; the fan-out's `Followers`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = GraphServiceStub(channel)
        self._rpc = rpc

    async def audiences(self, authors: Sequence[int]) -> list[Audience]:
        """Read who follows the first of these authors, in order: one at least, or more."""
        request = pb.LookupAudiencesRequest(user_ids=authors, max_followers=FOLLOWERS_PER_PAGE)
        try:
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupAudiences, request)
        except EarlierReleaseError:
            return await self._one_by_one(authors)
        return [
            Audience(
                each.user_id,
                each.follower_count,
                (each.close_friend_ids, each.follower_ids) if each.whole else None,
            )
            for each in answer.audiences
        ]

    async def _one_by_one(self, authors: Sequence[int]) -> list[Audience]:
        first = authors[:AUTHORS_ONE_BY_ONE]
        request = pb.LookupCountsRequest(user_ids=first)
        answer = await self._rpc.call(self._stub.LookupCounts, request)
        found: list[Audience] = []
        for each in answer.counts:
            page = await self._page(each)
            count = each.follower_count if page is None else len(page[0]) + len(page[1])
            found.append(Audience(each.user_id, count, page))
        return found

    async def _page(self, counted: pb.RelationCounts) -> tuple[list[int], list[int]] | None:
        if counted.follower_count > FOLLOWERS_PER_PAGE:
            return None
        close, rest = list[int](), list[int]()
        async with aclosing(self.pages(counted.user_id, None)) as pages:
            async for friends, others in pages:
                close += friends
                rest += others
                if len(close) + len(rest) > FOLLOWERS_PER_PAGE:
                    return None
        return close, rest

    async def pages(
        self, author: int, after: int | None
    ) -> AsyncGenerator[tuple[list[int], list[int]], None]:
        """Followers with id > `after` (None: all) in bounded pages: (close friends, the rest)."""
        request = pb.StreamFollowersRequest(
            user_id=author, page_size=FOLLOWERS_PER_PAGE, after_follower_id=after or 0
        )
        stream = self._rpc.stream(
            self._stub.StreamFollowers,
            request,
            timeout_s=FOLLOWERS_TIMEOUT_S,
            idle_s=FOLLOWERS_IDLE_S,
        )
        # A reader that leaves off ends the call at once, not when the collector comes.
        async with aclosing(stream) as pages:
            async for page in pages:
                yield list(page.close_friend_ids), list(page.follower_ids)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; the fan-out's `Tweets` and `Deliveries`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._stub = TweetServiceStub(channel)
        self._rpc = rpc

    async def living(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the tweets and retweets that are there, and not deleted.

        A process of a release before the fan-out asked this does not let it ask: that is waited
        out, with `UnavailableError`.
        """
        found: list[int] = []
        for page in paged(tweet_ids, LARGEST_TWEETS_PER_ANSWER):
            request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=page, with_retweets=True)
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupTweets, request)
            found += [each.tweet_id for each in answer.tweets]
            found += [each.retweet_id for each in answer.retweets]
        return found

    async def decide(self, tweet_id: int, *, push: bool) -> bool:
        """Remember push or pull; returns the first decision ever made for this tweet.

        Raises `NotFoundError` when the tweet is not there.
        """
        wanted = tweet_service_pb2.DELIVERY_PUSH if push else tweet_service_pb2.DELIVERY_PULL
        answer = await self._rpc.call(
            self._stub.DecideDelivery,
            tweet_service_pb2.DecideDeliveryRequest(tweet_id=tweet_id, delivery=wanted),
        )
        return answer.delivery == tweet_service_pb2.DELIVERY_PUSH
