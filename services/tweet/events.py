"""What the tweet service publishes: domain events to protobuf bytes and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from aviary.event.v1 import event_pb2

from services.tweet.model import Retweet, RetweetPair

__all__ = ["TweetChanged", "TweetEvents", "decode_tweet_changed"]


@dataclass(frozen=True, slots=True)
class TweetChanged:
    """A tweet was made or deleted, or retweeted, or that was taken back."""

    tweet_id: int
    user_id: int
    deleted: bool
    retweet_of: int = 0
    """The tweet, where this is about a retweet of it: `tweet_id` is the retweet's, and `user_id`
    who retweeted."""
    retweet_of_user: int = 0
    """Its author; of a retweet that was made, not of one that was taken back."""
    media_ids: tuple[int, ...] = ()
    """Pictures that a deleted one carried."""


class TweetEvents:
    """Encodes what the tweet service publishes."""

    def created(self, tweet_id: int, user_id: int) -> bytes:
        """Encode a creation."""
        event = event_pb2.TweetCreated(tweet_id=tweet_id, user_id=user_id)
        return event_pb2.TweetEvent(created=event).SerializeToString()

    def retweeted(self, retweet: Retweet) -> bytes:
        """Encode that a tweet was retweeted."""
        event = event_pb2.TweetCreated(
            tweet_id=retweet.retweet_id,
            user_id=retweet.user_id,
            retweet_of_tweet_id=retweet.tweet_id,
            retweet_of_user_id=retweet.author_id,
        )
        return event_pb2.TweetEvent(created=event).SerializeToString()

    def unretweeted(self, retweet_id: int, pair: RetweetPair) -> bytes:
        """Encode that a retweet was taken back."""
        event = event_pb2.TweetDeleted(
            tweet_id=retweet_id, user_id=pair.user_id, retweet_of_tweet_id=pair.tweet_id
        )
        return event_pb2.TweetEvent(deleted=event).SerializeToString()

    def deleted(self, tweet_id: int, user_id: int, media_ids: Sequence[int] = ()) -> bytes:
        """Encode a deletion."""
        event = event_pb2.TweetDeleted(tweet_id=tweet_id, user_id=user_id, media_ids=media_ids)
        return event_pb2.TweetEvent(deleted=event).SerializeToString()


def decode_tweet_changed(data: bytes) -> TweetChanged:
    """Decode a message of topic tweet-events. Raises ValueError for any other body."""
    event = event_pb2.TweetEvent.FromString(data)
    match event.WhichOneof("event"):
        case "created":
            made = event.created
            return TweetChanged(
                made.tweet_id,
                made.user_id,
                deleted=False,
                retweet_of=made.retweet_of_tweet_id,
                retweet_of_user=made.retweet_of_user_id,
            )
        case "deleted":
            gone = event.deleted
            return TweetChanged(
                gone.tweet_id,
                gone.user_id,
                deleted=True,
                retweet_of=gone.retweet_of_tweet_id,
                media_ids=tuple(gone.media_ids),
            )
        case kind:
            raise ValueError(f"unknown tweet event {kind!r}")
