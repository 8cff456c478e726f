"""The sibling services over gRPC, as the live service's ports want them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import grpc
import grpc.aio
from aviary.engagement.v1 import engagement_service_pb2
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from aviary.graph.v1 import graph_service_pb2
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.live.v1.live_service_pb2 import NewTweet
from aviary.timeline.v1 import timeline_service_pb2
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from aviary.tweet.v1 import tweet_service_pb2
from aviary.tweet.v1.includes_pb2 import Includes
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.live.model import Counts, Entry, Newer
from services.live.ports import Reading
from services.platform.drawing.pieces import BOOKMARKED, LIKED
from services.platform.rpc.earlier_release import of_any_release
from services.platform.rpc.parts import (
    LARGEST_TWEETS_PER_ANSWER,
    in_parts,
    is_too_large,
    paged,
)
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["EngagementClient", "GraphClient", "TimelineClient", "TweetClient"]

_MAX_IDS: Final = 1_000
"""What each sibling takes at once."""
_FITS: Final = LARGEST_TWEETS_PER_ANSWER // 3
"""Entries of any size that one answer holds: each may come with two tweets that it refers to."""
_MAX_READ_BYTES: Final = 4 * 1024 * 1024
"""Of one read in parts, as of any answer: streams keep what they read until it is sent."""
_WITHHELD: Final = {LIKED: "liked", BOOKMARKED: "bookmarked"}
"""Fields of what the viewer did, by the bits that say it is not shown."""


class TimelineClient:
    """A client of `aviary.timeline.v1.TimelineService`; `Homes`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = TimelineServiceStub(channel)

    async def newer(self, reading: Reading, since: int, limit: int) -> Newer:
        """Read a page of the home timeline, as its reader would; less, of very large tweets."""
        request = timeline_service_pb2.GetHomeTimelineRequest(
            user_id=reading.viewer, since_id=since, limit=limit, expansions=reading.expansions
        )
        try:
            answer = await self._page(request)
        except grpc.aio.AioRpcError as error:
            if not is_too_large(error):
                raise
            return await self._in_parts(request, reading.withheld)
        return Newer(_entries(answer, reading.withheld)[::-1], whole=not answer.next_cursor)

    async def _in_parts(
        self, request: timeline_service_pb2.GetHomeTimelineRequest, withheld: int
    ) -> Newer:
        found: list[Entry] = []
        limit, size = request.limit, 0
        while True:
            request.limit = min(_FITS, limit - len(found))
            answer = await self._page(request)
            found += _entries(answer, withheld)
            size += answer.ByteSize()
            request.cursor = answer.next_cursor
            if not request.cursor or len(found) >= limit or size >= _MAX_READ_BYTES:
                return Newer(found[::-1], whole=not request.cursor)

    async def _page(
        self, request: timeline_service_pb2.GetHomeTimelineRequest
    ) -> timeline_service_pb2.GetHomeTimelineResponse:
        with of_any_release():
            return await self._rpc.call(self._stub.GetHomeTimeline, request)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; `Tweets`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = TweetServiceStub(channel)

    async def gone(self, tweet_ids: Sequence[int]) -> Collection[int]:
        """Look tweets up, by one call as a rule."""
        found: set[int] = set()
        async for missing in in_parts(
            self._missing, tweet_ids, most=_MAX_IDS, fits=LARGEST_TWEETS_PER_ANSWER
        ):
            found.update(missing)
        return found

    async def _missing(self, tweet_ids: Sequence[int]) -> Sequence[int]:
        request = tweet_service_pb2.LookupTweetsRequest(tweet_ids=tweet_ids)
        with of_any_release():
            return (await self._rpc.call(self._stub.LookupTweets, request)).missing_ids


class EngagementClient:
    """A client of `aviary.engagement.v1.EngagementService`; `Figures`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = EngagementServiceStub(channel)

    async def counts(self, tweet_ids: Sequence[int]) -> Mapping[int, Counts]:
        """Count, by one call as a rule."""
        found: dict[int, Counts] = {}
        for page in paged(tweet_ids, _MAX_IDS):
            request = engagement_service_pb2.LookupCountsRequest(tweet_ids=page)
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupCounts, request)
            for each in answer.counts:
                found[each.tweet_id] = Counts(
                    each.like_count, each.retweet_count, each.reply_count, each.quote_count
                )
        return found


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; `Audience`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = GraphServiceStub(channel)

    async def followers_among(self, author: int, viewers: Sequence[int]) -> Collection[int]:
        """Look up how the viewers stand to the author, a thousand by one call."""
        found: set[int] = set()
        for page in paged(viewers, _MAX_IDS):
            pairs = [graph_service_pb2.UserPair(user_id=author, target_id=one) for one in page]
            request = graph_service_pb2.LookupStandingsRequest(pairs=pairs)
            with of_any_release():
                answer = await self._rpc.call(self._stub.LookupStandings, request)
            standings = zip(page, answer.standings, strict=True)
            found.update(viewer for viewer, standing in standings if standing.followed_by)
        return found


def _entries(
    answer: timeline_service_pb2.GetHomeTimelineResponse, withheld: int
) -> Sequence[Entry]:
    return [_entry(each, answer.includes, withheld) for each in answer.tweets]


def _entry(tweet: Tweet, includes: Includes, withheld: int) -> Entry:
    entry_id = tweet.retweeted_by.retweet_id or tweet.tweet_id
    new = NewTweet(tweet=tweet, includes=_of_one(tweet, includes))
    for shown in (new.tweet, *new.includes.tweets):
        if shown.HasField("viewer"):
            for bit, field in _WITHHELD.items():
                if withheld & bit:
                    shown.viewer.ClearField(field)  # type: ignore[arg-type]
    return Entry(entry_id, tweet.tweet_id, new.SerializeToString())


def _of_one(tweet: Tweet, includes: Includes) -> Includes:
    """What of a page's includes one of its tweets refers to."""
    referred = {tweet.in_reply_to_tweet_id, tweet.quote_tweet_id}
    tweets = [each for each in includes.tweets if each.tweet_id in referred]
    shown = [tweet, *tweets]
    users = {each.user_id for each in shown} | set(tweet.retweeted_by.user_ids)
    names = {one.username.lower() for each in shown for one in each.entities.mentions}
    return Includes(
        users=[
            each for each in includes.users if each.user_id in users or each.handle.lower() in names
        ],
        tweets=tweets,
    )
