"""What the engagement service publishes: domain events to protobuf bytes and back."""

from aviary.event.v1 import event_pb2

from services.engagement.model import Edge, Kind

__all__ = ["EngagementEvents", "decode_changed_edge"]


class EngagementEvents:
    """Encodes what the engagement service publishes."""

    def changed(self, edge: Edge, *, standing: bool) -> bytes:
        """Encode that an edge of a user came or went; `ValueError` for one of a tweet."""
        user_id, tweet_id = edge.actor_id, edge.tweet_id
        match edge.kind:
            case Kind.LIKE:
                like = event_pb2.LikeChanged(user_id=user_id, tweet_id=tweet_id, liked=standing)
                event = event_pb2.EngagementEvent(like_changed=like)
            case Kind.RETWEET:
                retweet = event_pb2.RetweetChanged(
                    user_id=user_id, tweet_id=tweet_id, retweeted=standing
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
