"""What the engagement service publishes: domain events to protobuf bytes and back."""

from dataclasses import dataclass

from aviary.event.v1 import event_pb2

from services.engagement.model import Change, Edge, Kind
from services.platform.rpc.timestamps import from_timestamp, to_timestamp

__all__ = ["EngagementEvents", "TweetEngaged", "decode_changed_edge", "decode_engaged"]


@dataclass(frozen=True, slots=True)
class TweetEngaged:
    """A user liked or retweeted a tweet, or took that back."""

    user_id: int
    tweet_id: int
    is_like: bool
    standing: bool
    at_ms: int
    """Unix milliseconds: of two changes of one edge the later one has more. 0 in a message of a
    release that did not say it."""


class EngagementEvents:
    """Encodes what the engagement service publishes."""

    def changed(self, change: Change) -> bytes:
        """Encode that an edge of a user came or went; `ValueError` for one of a tweet."""
        edge, standing = change.edge, change.standing
        user_id, tweet_id = edge.actor_id, edge.tweet_id
        at = to_timestamp(change.at_ms)
        match edge.kind:
            case Kind.LIKE:
                like = event_pb2.LikeChanged(
                    user_id=user_id, tweet_id=tweet_id, liked=standing, changed_at=at
                )
                event = event_pb2.EngagementEvent(like_changed=like)
            case Kind.RETWEET:
                retweet = event_pb2.RetweetChanged(
                    user_id=user_id, tweet_id=tweet_id, retweeted=standing, changed_at=at
                )
                event = event_pb2.EngagementEvent(retweet_changed=retweet)
            case Kind.BOOKMARK:
                bookmark = event_pb2.BookmarkChanged(
                    user_id=user_id, tweet_id=tweet_id, bookmarked=standing
                )
                event = event_pb2.EngagementEvent(bookmark_changed=bookmark)
            case kind:
                raise ValueError(f"no event is about a {kind.name}")
        return event.SerializeToString()


def decode_changed_edge(data: bytes) -> Edge:
    """Decode which edge a message of topic engagement-events is about.

    How it stands is read from where it is stored. Raises ValueError for any other body.
    """
    event = event_pb2.EngagementEvent.FromString(data)
    match event.WhichOneof("event"):
        case "like_changed":
            return Edge(Kind.LIKE, event.like_changed.user_id, event.like_changed.tweet_id)
        case "retweet_changed":
            retweet = event.retweet_changed
            return Edge(Kind.RETWEET, retweet.user_id, retweet.tweet_id)
        case "bookmark_changed":
            bookmark = event.bookmark_changed
            return Edge(Kind.BOOKMARK, bookmark.user_id, bookmark.tweet_id)
        case kind:
            raise ValueError(f"unknown engagement event {kind!r}")


def decode_engaged(data: bytes) -> TweetEngaged | None:
    """Decode a change that others may hear of; None for another, such as of a bookmark."""
    event = event_pb2.EngagementEvent.FromString(data)
    match event.WhichOneof("event"):
        case "like_changed":
            like = event.like_changed
            return TweetEngaged(
                like.user_id,
                like.tweet_id,
                is_like=True,
                standing=like.liked,
                at_ms=from_timestamp(like.changed_at),
            )
        case "retweet_changed":
            retweet = event.retweet_changed
            return TweetEngaged(
                retweet.user_id,
                retweet.tweet_id,
                is_like=False,
                standing=retweet.retweeted,
                at_ms=from_timestamp(retweet.changed_at),
            )
        case "bookmark_changed":
            return None
        case kind:
            raise ValueError(f"unknown engagement event {kind!r}")
