"""The fan-out's own queue: jobs put into it, and what its messages hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aviary.event.v1 import event_pb2

from services.fanout.model import Priority
from services.fanout.spec import CLOSE, FANOUT_CONTINUATIONS, REST
from services.platform.bus.port import Message, Publisher, Subscription
from services.platform.bus.tracing import with_trace_context

__all__ = [
    "BusJobs",
    "FanoutJob",
    "PlanContinuation",
    "decode_fanout_job",
    "decode_plan_continuation",
    "encode_fanout_job",
    "encode_plan_continuation",
    "holding",
    "subscription_of",
]

_SUBSCRIPTIONS: Final = {Priority.CLOSE: CLOSE, Priority.REST: REST}
MESSAGES_PER_PUBLISH = 100
"""Jobs queued at once: 900 kB."""


@dataclass(frozen=True, slots=True)
class FanoutJob:
    """One page of pushes of one tweet."""

    tweet_id: int
    follower_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlanContinuation:
    """What is left to plan of a tweet: the followers above an id."""

    tweet_id: int
    user_id: int
    after_follower_id: int


def holding(is_paused: Callable[[str], bool | None]) -> Callable[[Priority], bool]:
    """Tell whether pages of a priority are to wait, by whether a subscription is paused."""
    return lambda priority: bool(is_paused(subscription_of(priority).name))


def subscription_of(priority: Priority) -> Subscription:
    """Return who takes the pages of a priority."""
    return _SUBSCRIPTIONS[priority]


class BusJobs:
    """The queue of pages: one topic for each priority."""

    def __init__(self, driver: Publisher) -> None:
        self._driver = driver

    async def enqueue(self, priority: Priority, pages: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Queue a job for each page (a tweet, followers), in few publishes."""
        bodies = [encode_fanout_job(FanoutJob(tweet_id, tuple(each))) for tweet_id, each in pages]
        await self._publish(subscription_of(priority).topic, bodies)

    async def enqueue_continuations(self, tweets: Sequence[tuple[int, int, int]]) -> None:
        """Queue what is left to plan of tweets: (author, tweet, after which follower)."""
        bodies = [
            encode_plan_continuation(PlanContinuation(tweet_id, author, after))
            for author, tweet_id, after in tweets
        ]
        await self._publish(FANOUT_CONTINUATIONS, bodies)

    async def _publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        attributes = with_trace_context({})
        for start in range(0, len(bodies), MESSAGES_PER_PUBLISH):
            page = bodies[start : start + MESSAGES_PER_PUBLISH]
            await self._driver.publish(topic, [Message(body, attributes) for body in page])


def encode_fanout_job(job: FanoutJob) -> bytes:
    """Encode a message of topics fanout-close and fanout-rest."""
    return event_pb2.FanoutJob(
        tweet_id=job.tweet_id, follower_ids=job.follower_ids
    ).SerializeToString()


def decode_fanout_job(data: bytes) -> FanoutJob:
    """Decode a message of topics fanout-close and fanout-rest."""
    job = event_pb2.FanoutJob.FromString(data)
    return FanoutJob(job.tweet_id, tuple(job.follower_ids))


def encode_plan_continuation(continuation: PlanContinuation) -> bytes:
    """Encode a message of topic fanout-legs."""
    return event_pb2.FanoutLeg(
        tweet_id=continuation.tweet_id,
        user_id=continuation.user_id,
        after_follower_id=continuation.after_follower_id,
    ).SerializeToString()


def decode_plan_continuation(data: bytes) -> PlanContinuation:
    """Decode a message of topic fanout-legs."""
    continuation = event_pb2.FanoutLeg.FromString(data)
    return PlanContinuation(
        continuation.tweet_id, continuation.user_id, continuation.after_follower_id
    )
