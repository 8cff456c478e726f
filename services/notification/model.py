"""What users are told of, and how what belongs together is one notification."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from services.notification.ages import DAY_MS
from services.platform.ids.snowflake_time import EPOCH_MS
from services.platform.muting.words import NOTHING_MUTED, MutedWords

__all__ = [
    "NEWEST_SHOWN",
    "Days",
    "Deed",
    "Entry",
    "Group",
    "GroupKey",
    "Kind",
    "Member",
    "Notification",
    "NotificationPage",
    "Seen",
    "Standing",
    "TweetDeed",
    "TweetFacts",
    "TweetNews",
    "Unread",
    "day_of",
]


NEWEST_SHOWN: Final = 10
"""Actors of a notification who are named; the others are counted."""


class Kind(Enum):
    """What somebody did. The value is how it is stored: one letter."""

    FOLLOW = "f"
    LIKE = "l"
    RETWEET = "t"
    QUOTE = "q"
    REPLY = "r"
    MENTION = "m"
    REQUEST = "a"
    """Somebody asks to follow the reader. The last, as places of groups go by this order."""

    @property
    def is_grouped(self) -> bool:
        """Whether those of one day and one tweet are one notification."""
        return self in _GROUPED


_GROUPED: Final = frozenset({Kind.FOLLOW, Kind.LIKE, Kind.RETWEET, Kind.REQUEST})


def day_of(at_ms: int) -> int:
    """Return the day of a time in Unix milliseconds: whole days since 2024-01-01 UTC."""
    return (at_ms - EPOCH_MS) // DAY_MS


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What is told of together, day by day: to whom, what, and about which tweet."""

    user_id: int
    """The reader."""
    kind: Kind
    tweet_id: int = 0
    """0 for follows and requests."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody did, or took back, what belongs to a group."""

    key: GroupKey
    actor_id: int
    standing: bool
    at_ms: int
    """Unix milliseconds, as its owner dated it: of two of one actor the later one counts."""
    if_known: bool = False
    """Whether it matters only where the actor has been told of."""


@dataclass(frozen=True, slots=True)
class TweetDeed:
    """Somebody liked or retweeted a tweet, or took that back."""

    kind: Kind
    actor_id: int
    tweet_id: int
    standing: bool
    at_ms: int
    """Unix milliseconds, as in `Deed`."""


@dataclass(frozen=True, slots=True)
class TweetFacts:
    """What tells whom a tweet is about."""

    tweet_id: int
    author_id: int
    in_reply_to_tweet_id: int = 0
    """0 for none."""
    quote_tweet_id: int = 0
    """0 for none."""
    mentions: tuple[str, ...] = ()
    """Handles, in the order of the text and as written there."""
    visibility: int = 0
    """The number of a `Visibility`."""
    audience: tuple[int, ...] = ()
    """Whom it mentions, of one that is for those."""


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of an actor in a group."""

    standing: bool
    changed_ms: int
    """The latest date that was heard of, in Unix milliseconds."""
    joined_ms: int
    """The first date at which it stood, which is its place from then on; 0 if it never did."""


@dataclass(frozen=True, slots=True)
class Group:
    """Those of one day who did the same: one notification."""

    position: int
    """Its notification id."""
    count: int
    newest: tuple[tuple[int, int], ...]
    """(actor, Unix milliseconds), newest first: the first few, without a gap."""


@dataclass(frozen=True, slots=True)
class Days:
    """The groups of one key, by day, and what is left to do about them."""

    days: Mapping[int, Group] = field(default_factory=dict)
    left: tuple[int, ...] = ()
    """Positions that groups had before: their entries are to be deleted, if they are there yet."""
    serial: int = 0
    """How many positions groups of this key have left."""
    revision: int = 0
    """Rises with each write, also of an actor alone: so no cell returns to what it was."""

    @property
    def positions(self) -> dict[int, Group]:
        """The groups by their positions."""
        return {group.position: group for group in self.days.values()}

    def moved(self, day: int, group: Group | None) -> "Days":
        """Put a group in place of that of a day; None ends it."""
        before = self.days.get(day)
        days = {each: known for each, known in self.days.items() if each != day}
        if group is not None:
            days[day] = group
        if before is None or (group is not None and group.position == before.position):
            return replace(self, days=days)
        left = (*self.left, before.position)
        return replace(self, days=days, left=left, serial=self.serial + 1)


@dataclass(frozen=True, slots=True)
class TweetNews:
    """A tweet answers, quotes or names a reader."""

    user_id: int
    """The reader."""
    kind: Kind
    tweet_id: int
    author_id: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in a reader's list: a group's, or that of a tweet."""

    position: int
    kind: Kind
    tweet_id: int
    author_id: int = 0
    """Of the tweet; 0 for groups."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What a reader is told."""

    position: int
    """Its id."""
    kind: Kind
    tweet_id: int
    """0 for follows and requests."""
    at_ms: int
    """Unix milliseconds."""
    actor_ids: tuple[int, ...]
    """The newest few, newest first."""
    actor_count: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a reader stands to an actor."""

    hidden: bool
    """The reader mutes the actor, or there is a block between them."""
    followed: bool
    """The actor follows the reader."""
    follow_changed_ms: int
    """When that last changed, in Unix milliseconds; 0 for never."""
    requested: bool = False
    """The actor asks to follow the reader."""
    request_changed_ms: int = 0
    """When that last changed, as above."""

    @property
    def approved(self) -> bool:
        """Whether the actor follows because the reader let them, by the dates of both."""
        return self.followed and self.request_changed_ms >= self.follow_changed_ms


@dataclass(frozen=True, slots=True)
class Seen:
    """How a reader stands to actors, and what the reader has muted."""

    standings: Mapping[int, Standing]
    """By actor."""
    words: MutedWords = NOTHING_MUTED


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """A page of notifications, with what they name."""

    notifications: tuple[Notification, ...]
    users: Mapping[int, bytes]
    """Encoded `aviary.user.v1.User`, by id."""
    tweets: Mapping[int, bytes]
    """Encoded `aviary.tweet.v1.Tweet`, by id."""
    read_up_to: int
    """The newest notification id that has been marked as read; 0 for none."""
    next_before: int | None
    """Where the next page goes on; None at the end."""
    previous_after: int
    """Newer ones are those above this id."""


@dataclass(frozen=True, slots=True)
class Unread:
    """How many notifications are unread."""

    count: int
    has_more: bool
    """Whether older ones may be unread too."""
