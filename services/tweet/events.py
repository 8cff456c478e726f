"""What the tweet service publishes: domain events to protobuf bytes and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aviary.event.v1 import event_pb2

from services.platform.visibility.rule import Visibility
from services.tweet.model import Retweet, RetweetPair, Tweet
from services.tweet.references import RefersTo, refers_to

__all__ = [
    "TweetChanged",
    "TweetEvents",
    "decode_tweet_changed",
]

UNKNOWN: Final = RefersTo(tweets=True, users=True)
"""What a tweet refers to that has to be read for that."""


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
    again: bool = False
    """Whether one that was made was announced before: it was hidden since, or is shown again."""
    audience: tuple[int, ...] | None = None
    """Those for whom alone a new tweet is; None where it is for more."""
    refers_to: RefersTo = UNKNOWN
    """What a new tweet may refer to: it need not be read for what it does not."""


class TweetEvents:
    """Encodes what the tweet service publishes."""

    def created(self, tweet: Tweet) -> bytes:
        """Encode a creation."""
        audience, referred = _audience_alone(tweet), refers_to(tweet)
        event = event_pb2.TweetCreated(
            tweet_id=tweet.tweet_id,
            user_id=tweet.user_id,
            for_audience=audience is not None,
            audience_user_ids=audience or (),
            refers_to=event_pb2.TweetRefersTo(tweets=referred.tweets, users=referred.users),
        )
        return event_pb2.TweetEvent(created=event).SerializeToString()

    def reviewed(self, tweet_id: int, user_id: int) -> bytes:
        """Encode that a tweet is to be looked at again, by all who made something of it."""
        event = event_pb2.TweetCreated(tweet_id=tweet_id, user_id=user_id, again=True)
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
                again=made.again,
                audience=tuple(made.audience_user_ids) if made.for_audience else None,
                refers_to=_refers_to(made),
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


def _audience_alone(tweet: Tweet) -> tuple[int, ...] | None:
    """Give those for whom alone a tweet is; None where it is for more."""
    return tweet.audience if tweet.visibility is Visibility.MENTIONED else None


def _refers_to(made: event_pb2.TweetCreated) -> RefersTo:
    if not made.HasField("refers_to"):
        return UNKNOWN
    return RefersTo(tweets=made.refers_to.tweets, users=made.refers_to.users)
