"""What the tweet service publishes: domain events to protobuf bytes and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from aviary.event.v1 import event_pb2

__all__ = ["TweetChanged", "TweetEvents", "decode_tweet_changed"]


@dataclass(frozen=True, slots=True)
class TweetChanged:
    """A tweet was made, or deleted."""

    tweet_id: int
    user_id: int
    deleted: bool
    media_ids: tuple[int, ...] = ()
    """Pictures that a deleted one carried."""


class TweetEvents:
    """Encodes what the tweet service publishes."""

    def created(self, tweet_id: int, user_id: int) -> bytes:
        """Encode a creation."""
        event = event_pb2.TweetCreated(tweet_id=tweet_id, user_id=user_id)
        return event_pb2.TweetEvent(created=event).SerializeToString()

    def deleted(self, tweet_id: int, user_id: int, media_ids: Sequence[int] = ()) -> bytes:
        """Encode a deletion."""
        event = event_pb2.TweetDeleted(tweet_id=tweet_id, user_id=user_id, media_ids=media_ids)
        return event_pb2.TweetEvent(deleted=event).SerializeToString()


def decode_tweet_changed(data: bytes) -> TweetChanged:
    """Decode a message of topic tweet-events. Raises ValueError for any other body."""
    event = event_pb2.TweetEvent.FromString(data)
    match event.WhichOneof("event"):
        case "created":
            return TweetChanged(event.created.tweet_id, event.created.user_id, deleted=False)
        case "deleted":
            gone = event.deleted
            return TweetChanged(
                gone.tweet_id, gone.user_id, deleted=True, media_ids=tuple(gone.media_ids)
            )
        case kind:
            raise ValueError(f"unknown tweet event {kind!r}")
