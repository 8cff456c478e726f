"""What travels on the bus: domain events to protobuf bytes and back."""

from dataclasses import dataclass

from aviary.event.v1 import event_pb2

__all__ = [
    "FanoutJob",
    "FollowChanged",
    "FollowEvents",
    "TweetChanged",
    "TweetEvents",
    "decode_fanout_job",
    "decode_follow_changed",
    "decode_tweet_changed",
    "encode_fanout_job",
]


@dataclass(frozen=True, slots=True)
class TweetChanged:
    """A tweet was made, or deleted."""

    tweet_id: int
    user_id: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class FollowChanged:
    """Somebody began (`following`) or stopped following."""

    follower_id: int
    followee_id: int
    following: bool


@dataclass(frozen=True, slots=True)
class FanoutJob:
    """One page of pushes of one tweet."""

    tweet_id: int
    follower_ids: tuple[int, ...]


class TweetEvents:
    """Encodes what the tweet service publishes."""

    def created(self, tweet_id: int, user_id: int) -> bytes:
        """Encode a creation."""
        event = event_pb2.TweetCreated(tweet_id=tweet_id, user_id=user_id)
        return event_pb2.TweetEvent(created=event).SerializeToString()

    def deleted(self, tweet_id: int, user_id: int) -> bytes:
        """Encode a deletion."""
        event = event_pb2.TweetDeleted(tweet_id=tweet_id, user_id=user_id)
        return event_pb2.TweetEvent(deleted=event).SerializeToString()


class FollowEvents:
    """Encodes what the graph service publishes."""

    def encode(self, follower: int, followee: int, following: bool) -> bytes:  # noqa: FBT001
        """Encode a change of one edge."""
        return event_pb2.FollowChanged(
            follower_id=follower, followee_id=followee, following=following
        ).SerializeToString()


def decode_tweet_changed(data: bytes) -> TweetChanged:
    """Decode a message of topic tweet-events. Raises ValueError for any other body."""
    event = event_pb2.TweetEvent.FromString(data)
    match event.WhichOneof("event"):
        case "created":
            return TweetChanged(event.created.tweet_id, event.created.user_id, deleted=False)
        case "deleted":
            return TweetChanged(event.deleted.tweet_id, event.deleted.user_id, deleted=True)
        case kind:
            raise ValueError(f"unknown tweet event {kind!r}")


def decode_follow_changed(data: bytes) -> FollowChanged:
    """Decode a message of topic graph-events."""
    event = event_pb2.FollowChanged.FromString(data)
    return FollowChanged(event.follower_id, event.followee_id, event.following)


def encode_fanout_job(job: FanoutJob) -> bytes:
    """Encode a message of topics fanout-close and fanout-rest."""
    return event_pb2.FanoutJob(
        tweet_id=job.tweet_id, follower_ids=job.follower_ids
    ).SerializeToString()


def decode_fanout_job(data: bytes) -> FanoutJob:
    """Decode a message of topics fanout-close and fanout-rest."""
    job = event_pb2.FanoutJob.FromString(data)
    return FanoutJob(job.tweet_id, tuple(job.follower_ids))
