"""The fan-out's own queue: jobs to protobuf bytes and back."""

from dataclasses import dataclass

from aviary.event.v1 import event_pb2

__all__ = [
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
