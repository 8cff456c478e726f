"""What the graph service publishes: domain events to protobuf bytes and back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aviary.event.v1 import event_pb2

from services.graph.model import Edge

__all__ = [
    "FollowChanged",
    "FollowRequestChanged",
    "FollowsAdded",
    "GraphEvents",
    "RelationsChanged",
    "decode_graph_event",
    "decode_requests",
]


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
class FollowRequestChanged:
    """Somebody asked to follow a protected user (`requested`), or asks no longer."""

    requester_id: int
    user_id: int
    requested: bool


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

    def with_requests(self, event: bytes, made: Iterable[Edge], ended: Iterable[Edge]) -> bytes:
        """Add requests by appending them, which is how encoded messages are merged."""
        changed = [
            event_pb2.FollowRequestChanged(
                requester_id=edge.owner_id, user_id=edge.other_id, requested=requested
            )
            for edges, requested in ((made, True), (ended, False))
            for edge in edges
        ]
        return event + event_pb2.GraphEvent(requests_changed=changed).SerializeToString()


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


def decode_requests(data: bytes) -> list[FollowRequestChanged]:
    """Decode which requests came and went with the event of a message of topic graph-events."""
    return [
        FollowRequestChanged(each.requester_id, each.user_id, each.requested)
        for each in event_pb2.GraphEvent.FromString(data).requests_changed
    ]
