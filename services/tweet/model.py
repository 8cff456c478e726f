"""Tweets as the service knows them."""

from dataclasses import dataclass
from enum import Enum

from services.platform.text.entities import NO_ENTITIES, Entities

__all__ = ["AuthorTweets", "Delivery", "MediaRef", "RequestClaim", "Tweet", "TweetSlice"]


class Delivery(Enum):
    """How a tweet reaches home timelines."""

    UNSPECIFIED = "unspecified"
    """Not decided yet."""
    PUSH = "push"
    """Written to each follower's timeline when posted."""
    PULL = "pull"
    """Merged from the author's list when a follower reads."""


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A picture that a tweet carries."""

    media_id: int
    content_type: str
    width: int
    """Pixels, as shown."""
    height: int
    blurhash: str
    alt_text: str
    """Empty where none was given."""


@dataclass(frozen=True, slots=True)
class Tweet:
    """A post."""

    tweet_id: int
    user_id: int
    """The author."""
    text: str
    created_at_ms: int
    """Unix milliseconds; the time within `tweet_id`."""
    in_reply_to_tweet_id: int
    """0 when it answers none."""
    quote_tweet_id: int
    """0 when it quotes none."""
    entities: Entities = NO_ENTITIES
    """What the text refers to."""
    language: str = ""
    """BCP 47; empty when the author gave none, and none was detected."""
    media_refs: tuple[MediaRef, ...] = ()
    """At most four pictures, in the author's order."""


@dataclass(frozen=True, slots=True)
class AuthorTweets:
    """One author's ids, newest first."""

    user_id: int
    tweet_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """What a `request_id` stands for: the tweet it makes, and of which content."""

    tweet_id: int
    fingerprint: str
    """A digest of the content: only a request with the same one is a repeat."""


@dataclass(frozen=True, slots=True)
class TweetSlice:
    """Some of all tweets, in the order in which the store keeps them."""

    tweets: tuple[Tweet, ...]
    """May be empty where all that was read is deleted."""
    resume_after: int | None
    """The last id read; None where nothing follows."""
    percent: int
    """About how much of all tweets comes before the next slice, 0 to 100."""
