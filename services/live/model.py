"""What a stream sends, and what it remembers of what it has sent."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "KEPT",
    "KEPT_IDS",
    "Beat",
    "Changed",
    "Counts",
    "Deleted",
    "Entry",
    "Event",
    "Newer",
    "Place",
    "Posted",
    "Reset",
    "Window",
]

KEPT: Final = 50
"""Entries that a stream remembers, as many as a page has: of these it tells deletions and
counts."""
KEPT_IDS: Final = 60
"""In which they are said, for which a cursor has room: a tweet that a retweet brought takes two."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tweet of a home timeline, where it stands there."""

    entry_id: int
    """Of the tweet, or of the retweet which brought it: newer ones are greater."""
    tweet_id: int
    encoded: bytes
    """An `aviary.live.v1.NewTweet`."""


@dataclass(frozen=True, slots=True)
class Newer:
    """What a home timeline has above some id."""

    entries: Sequence[Entry]
    """Oldest first."""
    whole: bool
    """Whether that is all of it."""

    def down_to(self, floor: int) -> int:
        """How far down it was read, at the least to `floor`: what is older is no news."""
        if self.whole or not self.entries:
            return floor
        return max(floor, self.entries[0].entry_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was done with a tweet."""

    likes: int
    retweets: int
    replies: int
    quotes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream stands; all that another process has to know to go on with it."""

    floor: int
    """No entry up to this one will be sent any more."""
    sent: Sequence[tuple[int, int]]
    """(Entry, tweet) of the newest that were sent, or that the client has read, newest first."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A tweet is new."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Deleted:
    """A tweet is gone."""

    tweet_id: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Counts of a tweet have changed."""

    tweet_id: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Reset:
    """More has come than is sent: the client is to read its home timeline anew."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing has changed, and the stream lives."""


Event: TypeAlias = Posted | Deleted | Changed | Reset | Beat


class Window:
    """What one stream has sent, so that nothing is sent twice: its newest `KEPT` entries.

    What is above the floor and not in here has not been sent. Where an entry falls out at the
    bottom the floor rises to it: an entry below, which comes later than so many others, is left to
    the next read of the home timeline.
    """

    __slots__ = ("_pairs", "floor")

    def __init__(self, place: Place) -> None:
        self.floor = place.floor
        # Entry and tweet, one behind the other: thousands of streams have fifty of each.
        self._pairs = array("Q")
        for entry_id, tweet_id in place.sent:
            self._put(entry_id, tweet_id)

    @property
    def tweets(self) -> Sequence[int]:
        """The tweets in it, in no order: each once, whatever brings it to the timeline."""
        return self._pairs[1::2]

    def among(self, tweet_ids: frozenset[int]) -> frozenset[int]:
        """Those of the tweets that are in it."""
        return tweet_ids.intersection(self.tweets)

    def has(self, tweet_id: int) -> bool:
        """Whether the tweet is in it."""
        return tweet_id in self.tweets

    def is_new(self, entry: Entry) -> bool:
        """Whether an entry is yet to be sent."""
        return entry.entry_id > self.floor and not self.has(entry.tweet_id)

    def add(self, entry: Entry) -> None:
        """Note that an entry was sent, or read by the client."""
        self._put(entry.entry_id, entry.tweet_id)

    def remove(self, tweet_id: int) -> None:
        """Forget a tweet that is gone."""
        if self.has(tweet_id):
            at = 2 * self.tweets.index(tweet_id)
            del self._pairs[at : at + 2]

    def rise(self, floor: int) -> None:
        """Send no entry up to this one any more."""
        self.floor = max(self.floor, floor)

    def place(self) -> Place:
        """Say where the stream stands."""
        return Place(self.floor, sorted(self._all(), reverse=True))

    def _all(self) -> list[tuple[int, int]]:
        return list(zip(self._pairs[::2], self._pairs[1::2], strict=True))

    def _put(self, entry_id: int, tweet_id: int) -> None:
        self.remove(tweet_id)
        self._pairs.extend((entry_id, tweet_id))
        while len(self._pairs) > 2 * KEPT or self._ids() > KEPT_IDS:
            oldest, tweet = min(self._all())
            self.floor = max(self.floor, oldest)
            self.remove(tweet)

    def _ids(self) -> int:
        return sum(1 if entry == tweet else 2 for entry, tweet in self._all())
