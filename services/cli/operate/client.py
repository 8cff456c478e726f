"""The RPCs for operators, as commands call them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc.aio
from aviary.engagement.v1 import engagement_service_pb2 as engagement_pb
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub
from aviary.queue.v1 import queue_pb2
from aviary.queue.v1 import queue_service_pb2 as pb
from aviary.queue.v1.queue_service_pb2_grpc import QueueServiceStub
from aviary.search.v1 import search_service_pb2 as search_pb
from aviary.search.v1.search_service_pb2_grpc import SearchServiceStub
from aviary.timeline.v1 import timeline_service_pb2 as timeline_pb
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1 import user_service_pb2 as user_pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub

from services.cli.operate.calling import channel_to, explained
from services.cli.operate.finding import Found
from services.platform.rpc.rpc_client import RpcClient

__all__ = [
    "TIMEOUT_S",
    "EngagementClient",
    "QueueClient",
    "SearchClient",
    "ThresholdClient",
    "TimelineClient",
    "TweetClient",
    "UserClient",
    "reach_engagement",
    "reach_queues",
    "reach_search",
    "reach_threshold",
    "reach_timeline",
    "reach_tweets",
    "reach_users",
]

TIMEOUT_S = 30.0
"""An operator waits longer than a reader does: building the home timeline of somebody who follows
thousands takes seconds."""


class QueueClient:
    """A client of `aviary.queue.v1.QueueService`; every method raises `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = QueueServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def queues(self) -> Sequence[queue_pb2.Queue]:
        """List every queue; a number is absent where the bus cannot say."""
        with explained(self._found):
            answer = await self._rpc.call(self._stub.ListQueues, pb.ListQueuesRequest())
        return answer.queues

    async def dead_letters(self, subscription: str, limit: int) -> Sequence[queue_pb2.DeadLetter]:
        """List up to `limit` messages that were given up, oldest first."""
        request = pb.ListDeadLettersRequest(subscription=subscription, limit=limit)
        with explained(self._found):
            answer = await self._rpc.call(self._stub.ListDeadLetters, request)
        return answer.dead_letters

    async def contents(
        self, subscription: str, ids: Sequence[str], limit: int
    ) -> Sequence[pb.ReadDeadLettersResponse]:
        """Read dead letters whole, oldest first: those named, else up to `limit`."""
        request = pb.ReadDeadLettersRequest(subscription=subscription, ids=ids, limit=limit)
        with explained(self._found):
            return [each async for each in self._rpc.stream(self._stub.ReadDeadLetters, request)]

    async def redrive(self, subscription: str, limit: int) -> int:
        """Put up to `limit` dead letters back; how many there were. Not repeated on failure."""
        request = pb.RedriveDeadLettersRequest(subscription=subscription, limit=limit)
        with explained(self._found):
            return (await self._rpc.call(self._stub.RedriveDeadLetters, request)).redriven

    async def drop(self, subscription: str, ids: Sequence[str]) -> int:
        """Forget dead letters; how many of these there were."""
        request = pb.DropDeadLettersRequest(subscription=subscription, ids=ids)
        with explained(self._found):
            return (await self._rpc.call(self._stub.DropDeadLetters, request)).dropped

    async def pause(self, subscriptions: Sequence[str]) -> Sequence[queue_pb2.Pause]:
        """Pause subscriptions; what is paused then, of all."""
        request = pb.PauseSubscriptionsRequest(subscriptions=subscriptions)
        with explained(self._found):
            return (await self._rpc.call(self._stub.PauseSubscriptions, request)).pauses

    async def resume(self, subscriptions: Sequence[str]) -> Sequence[queue_pb2.Pause]:
        """Resume subscriptions; what is paused then, of all."""
        request = pb.ResumeSubscriptionsRequest(subscriptions=subscriptions)
        with explained(self._found):
            return (await self._rpc.call(self._stub.ResumeSubscriptions, request)).pauses


@asynccontextmanager
async def reach_queues(found: Found) -> AsyncIterator[QueueClient]:
    """Open a channel for a while."""
    async with channel_to(found, pb.DESCRIPTOR) as channel:
        yield QueueClient(found, channel)


class ThresholdClient:
    """A client of `aviary.fanout.v1.FanoutService`; every method raises `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = FanoutServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def controls(self) -> fanout_pb.Controls:
        """Read what is in force."""
        request = fanout_pb.GetControlsRequest()
        with explained(self._found):
            return (await self._rpc.call(self._stub.GetControls, request)).controls

    async def set_threshold(self, followers: int) -> fanout_pb.Controls:
        """Move the threshold; 0 goes back to the default."""
        request = fanout_pb.SetCelebrityThresholdRequest(followers=followers)
        with explained(self._found):
            return (await self._rpc.call(self._stub.SetCelebrityThreshold, request)).controls


@asynccontextmanager
async def reach_threshold(found: Found) -> AsyncIterator[ThresholdClient]:
    """Open a channel for a while."""
    async with channel_to(found, fanout_pb.DESCRIPTOR) as channel:
        yield ThresholdClient(found, channel)


class UserClient:
    """A client of `aviary.user.v1.UserService`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = UserServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def backfill_names(self, after: int, limit: int) -> user_pb.BackfillNamesResponse:
        """List names of before, among those of the next users. Raises `OperateError`."""
        request = user_pb.BackfillNamesRequest(after_user_id=after, limit=limit)
        with explained(self._found):
            return await self._rpc.call(self._stub.BackfillNames, request)

    async def require(self, user_id: int) -> None:
        """Raise `OperateError` where no user has this id."""
        with explained(self._found):
            await self._rpc.call(self._stub.GetUser, user_pb.GetUserRequest(user_id=user_id))


@asynccontextmanager
async def reach_users(found: Found) -> AsyncIterator[UserClient]:
    """Open a channel for a while."""
    async with channel_to(found, user_pb.DESCRIPTOR) as channel:
        yield UserClient(found, channel)


class TimelineClient:
    """A client of `aviary.timeline.v1.TimelineService`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = TimelineServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def rebuild_home(self, user_id: int) -> None:
        """Have a home timeline built anew. Raises `OperateError`."""
        request = timeline_pb.RebuildHomeTimelineRequest(user_id=user_id)
        with explained(self._found):
            await self._rpc.call(self._stub.RebuildHomeTimeline, request)


@asynccontextmanager
async def reach_timeline(found: Found) -> AsyncIterator[TimelineClient]:
    """Open a channel for a while."""
    async with channel_to(found, timeline_pb.DESCRIPTOR) as channel:
        yield TimelineClient(found, channel)


class EngagementClient:
    """A client of `aviary.engagement.v1.EngagementService`; methods raise `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = EngagementServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def counts(self, tweet_ids: Sequence[int]) -> Sequence[engagement_pb.TweetCounts]:
        """Read the counts of tweets, in the order asked for."""
        request = engagement_pb.LookupCountsRequest(tweet_ids=tweet_ids)
        with explained(self._found):
            return (await self._rpc.call(self._stub.LookupCounts, request)).counts

    async def reconcile(self, tweet_ids: Sequence[int]) -> Sequence[engagement_pb.CountDrift]:
        """Put the counts of tweets right; gives those that were off."""
        request = engagement_pb.ReconcileRequest(tweet_ids=tweet_ids)
        with explained(self._found):
            return (await self._rpc.call(self._stub.Reconcile, request)).drifts

    async def backfill_references(
        self, after: int, limit: int
    ) -> engagement_pb.BackfillReferencesResponse:
        """Count answers and quotes of before, among the next tweets."""
        request = engagement_pb.BackfillReferencesRequest(after_tweet_id=after, limit=limit)
        with explained(self._found):
            return await self._rpc.call(self._stub.BackfillReferences, request)


@asynccontextmanager
async def reach_engagement(found: Found) -> AsyncIterator[EngagementClient]:
    """Open a channel for a while."""
    async with channel_to(found, engagement_pb.DESCRIPTOR) as channel:
        yield EngagementClient(found, channel)


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = TweetServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def backfill_replies(self, after: int, limit: int) -> tweet_pb.BackfillRepliesResponse:
        """List replies of before, among the next tweets. Raises `OperateError`."""
        request = tweet_pb.BackfillRepliesRequest(after_tweet_id=after, limit=limit)
        with explained(self._found):
            return await self._rpc.call(self._stub.BackfillReplies, request)


@asynccontextmanager
async def reach_tweets(found: Found) -> AsyncIterator[TweetClient]:
    """Open a channel for a while."""
    async with channel_to(found, tweet_pb.DESCRIPTOR) as channel:
        yield TweetClient(found, channel)


class SearchClient:
    """A client of `aviary.search.v1.SearchService`; every method raises `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = SearchServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def indexes(self) -> Sequence[search_pb.IndexStatus]:
        """Read how the index of each replica is."""
        with explained(self._found):
            request = search_pb.GetIndexStatusRequest()
            return (await self._rpc.call(self._stub.GetIndexStatus, request)).indexes

    async def rebuild(self) -> None:
        """Have each replica build its index anew."""
        with explained(self._found):
            request = search_pb.RequestRebuildRequest()
            await self._rpc.call(self._stub.RequestRebuild, request)


@asynccontextmanager
async def reach_search(found: Found) -> AsyncIterator[SearchClient]:
    """Open a channel for a while."""
    async with channel_to(found, search_pb.DESCRIPTOR) as channel:
        yield SearchClient(found, channel)
