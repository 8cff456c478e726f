"""What travels on the bus: domain events to protobuf bytes and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from aviary.event.v1 import event_pb2

__all__ = [
    "FanoutJob",
    "FanoutLeg",
    "FollowChanged",
    "FollowsAdded",
    "GraphEvents",
    "RelationsChanged",
    "TweetChanged",
    "TweetEvents",
    "UserDeleted",
    "UserEvents",
    "decode_fanout_job",
    "decode_fanout_leg",
    "decode_graph_event",
    "decode_tweet_changed",
    "decode_user_deleted",
    "encode_fanout_job",
    "encode_fanout_leg",
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
class FollowsAdded:
    """Somebody began to follow many at once."""

    follower_id: int
    followee_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RelationsChanged:
    """What these users see changed in another way."""

    user_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """An account was deleted."""

    user_id: int
    deleted_at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class FanoutJob:
    """One page of pushes of one tweet."""

    tweet_id: int
    follower_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FanoutLeg:
    """What is left to plan of a tweet."""

    tweet_id: int
    user_id: int
    after_follower_id: int


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


class GraphEvents:
    """Encodes what the graph service publishes."""

    def follow_changed(self, follower: int, followee: int, *, following: bool) -> bytes:
        """Encode a change of one edge."""
        event = event_pb2.FollowChanged(
            follower_id=follower, followee_id=followee, following=following
        )
        return event_pb2.GraphEvent(follow_changed=event).SerializeToString()

    def follows_added(self, follower: int, followees: Sequence[int]) -> bytes:
        """Encode that one user now follows many more."""
        event = event_pb2.FollowsAdded(follower_id=follower, followee_ids=followees)
        return event_pb2.GraphEvent(follows_added=event).SerializeToString()

    def relations_changed(self, users: Sequence[int]) -> bytes:
        """Encode that these users see others differently."""
        event = event_pb2.RelationsChanged(user_ids=users)
        return event_pb2.GraphEvent(relations_changed=event).SerializeToString()


class UserEvents:
    """Encodes what the user service publishes."""

    def deleted(self, user_id: int, at_ms: int) -> bytes:
        """Encode the end of an account."""
        event = event_pb2.UserDeleted(user_id=user_id, deleted_at_ms=at_ms)
        return event_pb2.UserEvent(deleted=event).SerializeToString()


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


def decode_graph_event(data: bytes) -> FollowChanged | FollowsAdded | RelationsChanged:
    """Decode a message of topic graph-events. Raises ValueError for any other body."""
    event = event_pb2.GraphEvent.FromString(data)
    match event.WhichOneof("event"):
        case "follow_changed":
            changed = event.follow_changed
            return FollowChanged(changed.follower_id, changed.followee_id, changed.following)
        case "follows_added":
            added = event.follows_added
            return FollowsAdded(added.follower_id, tuple(added.followee_ids))
        case "relations_changed":
            return RelationsChanged(tuple(event.relations_changed.user_ids))
        case kind:
            raise ValueError(f"unknown graph event {kind!r}")


def decode_user_deleted(data: bytes) -> UserDeleted:
    """Decode a message of topic user-events. Raises ValueError for any other body."""
    event = event_pb2.UserEvent.FromString(data)
    if event.WhichOneof("event") != "deleted":
        raise ValueError(f"unknown user event {event.WhichOneof('event')!r}")
    return UserDeleted(event.deleted.user_id, event.deleted.deleted_at_ms)


def encode_fanout_job(job: FanoutJob) -> bytes:
    """Encode a message of topics fanout-close and fanout-rest."""
    return event_pb2.FanoutJob(
        tweet_id=job.tweet_id, follower_ids=job.follower_ids
    ).SerializeToString()


def decode_fanout_job(data: bytes) -> FanoutJob:
    """Decode a message of topics fanout-close and fanout-rest."""
    job = event_pb2.FanoutJob.FromString(data)
    return FanoutJob(job.tweet_id, tuple(job.follower_ids))


def encode_fanout_leg(leg: FanoutLeg) -> bytes:
    """Encode a message of topic fanout-legs."""
    return event_pb2.FanoutLeg(
        tweet_id=leg.tweet_id, user_id=leg.user_id, after_follower_id=leg.after_follower_id
    ).SerializeToString()


def decode_fanout_leg(data: bytes) -> FanoutLeg:
    """Decode a message of topic fanout-legs."""
    leg = event_pb2.FanoutLeg.FromString(data)
    return FanoutLeg(leg.tweet_id, leg.user_id, leg.after_follower_id)
