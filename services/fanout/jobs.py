"""The fan-out's own queue: jobs put into it, and what its messages hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from aviary.event.v1 import event_pb2

from services.fanout.spec import FANOUT_CLOSE, FANOUT_CONTINUATIONS, FANOUT_REST
from services.platform.bus.port import Message, Publisher
from services.platform.bus.tracing import with_trace_context

__all__ = [
    "BusJobs",
    "FanoutJob",
    "PlanContinuation",
    "decode_fanout_job",
    "decode_plan_continuation",
    "encode_fanout_job",
    "encode_plan_continuation",
]


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


class BusJobs:
    """The queue of pages: one topic for each priority."""

    def __init__(self, driver: Publisher) -> None:
        self._driver = driver

    async def enqueue(
        self, tweet_id: int, pages: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> None:
        """Queue a job for each audience that is not empty, in one publish for each priority."""
        for topic, audiences in (
            (FANOUT_CLOSE, [close for close, _ in pages]),
            (FANOUT_REST, [rest for _, rest in pages]),
        ):
            bodies = [
                encode_fanout_job(FanoutJob(tweet_id, tuple(each))) for each in audiences if each
            ]
            if bodies:
                attributes = with_trace_context({})
                await self._driver.publish(topic, [Message(body, attributes) for body in bodies])

    async def enqueue_continuation(self, author: int, tweet_id: int, after: int) -> None:
        """Queue what is left to plan."""
        body = encode_plan_continuation(PlanContinuation(tweet_id, author, after))
        await self._driver.publish(FANOUT_CONTINUATIONS, [Message(body, with_trace_context({}))])


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
