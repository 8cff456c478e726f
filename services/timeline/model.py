"""What a timeline is read and written as; pure values and rules of merging, no I/O."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import neg
from typing import Final, NamedTuple, Self

from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.visibility.rule import Sight

__all__ = [
    "MOST_IDS",
    "ROUND_IDS",
    "WINDOW_IDS",
    "BodyFacts",
    "EncodedTweet",
    "HotHome",
    "IdRun",
    "Retweet",
    "Skeleton",
    "View",
    "ViewerRelations",
    "ViewerState",
    "merge_newest",
]

WINDOW_IDS: Final = 800
"""Newest ids that a timeline keeps at hand: sixteen pages of fifty, further than nearly all readers
scroll. One number for what a build stores, a follow adds and a hot list holds at most, as a list is
filled from what those stored: with less in the store, that would merge from every author.
"""

MOST_IDS: Final = 10 * WINDOW_IDS
"""Ids that one read looks at, some tenths of a second: of authors who nearly only answer others,
few tweets show."""

ROUND_IDS: Final = 200
"""Ids that a further round of a read looks at, at most: as many as the longest page has, since all
their bodies are in memory at once, and the largest tweet is of 290 kB.
"""


class Retweet(NamedTuple):
    """What brought a tweet to its place in a timeline."""

    retweet_id: int
    user_id: int
    """Who retweeted."""


class BodyFacts(NamedTuple):
    """What the rules ask of a tweet's body."""

    answered_id: int = 0
    """The author of the tweet that it answers; 0 where it answers none, or that is not known."""
    visibility: int = 0
    """The number of a `Visibility`."""
    audience: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedTweet:
    """A tweet's encoded protobuf `body` and the few facts that the rules need.

    A deleted tweet (a tombstone) has an empty body, and author and visibility 0. A retweet is kept
    as one with an empty body too, until hydration puts the tweet in its place.
    """

    tweet_id: int
    author_id: int
    """Of a retweet, who retweeted."""
    deleted: bool
    visibility: int
    """The number of a `Visibility`, 0 to 63."""
    body: bytes
    answered_id: int = 0
    """The author of the tweet that it answers; 0 where it answers none, or that is not known."""
    retweet_of: int = 0
    """Of a retweet, as it is kept: the tweet."""
    retweet: Retweet | None = None
    """By which the tweet is in the timeline; None where it stands at its own place."""
    audience: tuple[int, ...] = ()
    """Whom it mentions, of one that is for those."""
    open_json: bytes = field(default=b"", init=False, compare=False, repr=False)
    """The same as JSON without its closing brace, since every answer adds to it; once it was asked
    for and where it was kept, else empty."""

    def keep_open_json(self, json: bytes) -> None:
        """Have it at hand for as long as this object is."""
        object.__setattr__(self, "open_json", json)

    @property
    def entry_id(self) -> int:
        """The id by which it is in the timeline."""
        return self.tweet_id if self.retweet is None else self.retweet.retweet_id

    @classmethod
    def tombstone(cls, tweet_id: int) -> Self:
        """Make what stands for a deleted tweet."""
        return cls(tweet_id, author_id=0, deleted=True, visibility=0, body=b"")


@dataclass(frozen=True, slots=True)
class IdRun:
    """Consecutive ids of a timeline, newest first; `ended` means that nothing older exists."""

    ids: Sequence[int]
    ended: bool


@dataclass(frozen=True, slots=True)
class View:
    """Whose tweets a timeline shows: its owner's, and those of the authors in `shown`."""

    owner: int
    shown: frozenset[int] = frozenset()
    """Apart from the owner, so that a set of thousands need not be copied at each read."""
    hidden: frozenset[int] = frozenset()
    """Whose tweets are not shown, whoever retweets them."""
    hides_others: bool = False
    """There may be others of whom the same is to be said, and none of them is in `shown`."""
    reader: int = 0
    """Who reads; 0 for nobody in particular."""
    sights: Mapping[int, Sight] = field(default_factory=dict)
    """How the reader stands to those authors whom `shown` does not say it of."""
    words: MutedWords = NOTHING_MUTED
    """What the reader has muted."""
    muted: frozenset[int] = frozenset()
    """Which of the tweets say any of it."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The first of the four steps: ids of a timeline, and by what view they are to be judged."""

    run: IdRun
    view: View


@dataclass(frozen=True, slots=True)
class ViewerRelations:
    """How a viewer stands to others, as of one moment."""

    following: frozenset[int]
    hidden: frozenset[int] = frozenset()
    """Muted and blocked users, and those who block the viewer."""
    words: MutedWords = NOTHING_MUTED
    """What the viewer has muted."""
    hides_others: bool = False
    """The hidden are too many: `hidden` has those alone who are followed."""
    shown: frozenset[int] = field(init=False)
    """Whose tweets the home timeline shows, but for the viewer's own."""

    def __post_init__(self) -> None:
        # Worked out once here, as each read of the home timeline asks for it.
        object.__setattr__(self, "shown", self.following - self.hidden)

    def view(self, viewer: int) -> View:
        """Say by what the viewer's home timeline is judged."""
        return View(
            viewer,
            self.shown,
            self.hidden,
            reader=viewer,
            hides_others=self.hides_others,
            words=self.words,
        )


@dataclass(frozen=True, slots=True)
class HotHome:
    """What memory has of a home timeline: each is None where there is none."""

    relations: ViewerRelations | None
    run: IdRun | None
    nonce: bytes = b""
    """Under which relations can be kept that are fetched from now on."""
    asked_s: float = math.inf
    """When memory was asked, by `time.monotonic()`: what else the read uses is no older."""
    token: bytes = b""
    """Under which the list can be filled, which was absent and collects pushes from now on."""
    mark: bytes = b""
    """Under which can be kept what the viewer did with tweets, as looked up from now on."""


@dataclass(frozen=True, slots=True)
class ViewerState:
    """What the persistent timeline of one viewer holds.

    It is complete for ids of at least `floor`; what is older is merged from the authors at read.
    """

    seen_ms: int
    """When the viewer's last visit was recorded, in milliseconds since 1970."""
    built: bool
    """False while a build is under way, or has died."""
    floor: int


def merge_newest(runs: Iterable[IdRun], count: int) -> IdRun:
    """Merge runs of ids into the `count` newest, each once.

    Each run holds `count` ids, or more, or all it has, so nothing newer than the result can be
    missing.
    """
    runs = list(runs)
    # Where a run has `count` by itself, nothing older is wanted, of whichever run.
    oldest = max((run.ids[count - 1] for run in runs if len(run.ids) >= count > 0), default=0)
    ids, cut = set[int](), False
    for run in runs:
        if run.ids and run.ids[-1] < oldest:
            cut = True
            ids.update(run.ids[: bisect_right(run.ids, -oldest, key=neg)])
        else:
            ids.update(run.ids)
    found = sorted(ids, reverse=True)
    cut = cut or len(found) > count
    return IdRun(found[:count], ended=not cut and all(run.ended for run in runs))
