"""What is done with tweets, by whom, and how it is counted."""

from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from services.platform.visibility.encoded import EncodedTweet

__all__ = [
    "COUNTS",
    "USER_KINDS",
    "Change",
    "Commit",
    "Drift",
    "Edge",
    "EdgeState",
    "Kind",
    "NewestEngaged",
    "Placed",
    "ReferenceSlice",
    "References",
    "TweetCounts",
    "TweetPage",
    "UserPage",
    "UserProfile",
]


class Kind(Enum):
    """What can be done with a tweet. The value is how it is stored."""

    LIKE = "l"
    RETWEET = "r"
    BOOKMARK = "b"
    REPLY = "a"
    """By another tweet, which answers it."""
    QUOTE = "q"
    """By another tweet, which quotes it."""


COUNTS: Final = "counts"
"""The name of the cache of counts, in metrics and logs."""

USER_KINDS: Final = (Kind.LIKE, Kind.RETWEET, Kind.BOOKMARK)
"""What users ask for; the others follow from tweets."""


@dataclass(frozen=True, slots=True)
class Edge:
    """That `actor_id` likes, retweets, bookmarks, answers or quotes `tweet_id`."""

    kind: Kind
    actor_id: int
    """A user; of an answer and of a quote the tweet that it is."""
    tweet_id: int


@dataclass(frozen=True, slots=True)
class EdgeState:
    """How an edge is stored."""

    standing: bool = False
    torn: bool = False
    """Its two cells disagree: a change of it is under way, or was cut off."""
    counted: bool = False
    """Whether the tweet's count has it."""
    written_ms: int = 0
    """The latest date of its cells, in Unix milliseconds; 0 for none."""


@dataclass(frozen=True, slots=True)
class Change:
    """An edge that comes or goes. Of two changes of an edge the one with the later time wins."""

    edge: Edge
    standing: bool
    at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A change that is committed together with those of other requests."""

    op_id: int
    """Snowflake; names the change, and with it the event about it."""
    change: Change
    context: Context
    """Of its request: the event goes on in its trace."""


@dataclass(frozen=True, slots=True)
class NewestEngaged:
    """The newest tweets with which a user did something."""

    by_kind: Mapping[Kind, Sequence[int]]
    floor: int
    """Of tweets with this id and greater ones all are there; 0 where all are."""


@dataclass(frozen=True, slots=True)
class TweetCounts:
    """How many did what with a tweet; what nobody did is missing."""

    tweet_id: int
    by_kind: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """A count that was off."""

    tweet_id: int
    kind: Kind
    counted: int
    """What the count said."""
    exact: int
    """How many there are."""


Placed: TypeAlias = tuple[int, bytes]
"""A tweet, and the place just after it in the order in which a job goes through all."""


@dataclass(frozen=True, slots=True)
class References:
    """Which tweets a tweet is about; 0 for none."""

    tweet_id: int
    in_reply_to_tweet_id: int
    quote_tweet_id: int


@dataclass(frozen=True, slots=True)
class ReferenceSlice:
    """Those of some tweets that are about others, in the order in which their owner keeps all."""

    references: tuple[References, ...]
    resume_after: int | None
    """The last tweet looked at; None where nothing follows."""
    percent: int
    """About how much of all tweets comes before the next slice, 0 to 100."""


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What lists show of a user."""

    user_id: int
    handle: str
    display_name: str
    created_at_ms: int
    """Unix milliseconds."""
    bio: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users by rising id; `next_after` is the id to go on from, None at the end."""

    users: tuple[UserProfile, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class TweetPage:
    """A page of tweets, newest first; `next_after` is the id to go on from, None at the end."""

    tweets: tuple[EncodedTweet, ...]
    next_after: int | None
    previous_after: int
    """Newer ones are those above this id."""
