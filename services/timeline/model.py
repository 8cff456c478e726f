"""Timeline values and rules; pure, no I/O."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from services.timeline.encoded import EncodedTweet

__all__ = [
    "HotHome",
    "Ids",
    "Page",
    "ViewerRelations",
    "ViewerState",
    "is_visible",
    "merge_newest",
]


@dataclass(frozen=True, slots=True)
class Ids:
    """A run of tweet ids, newest first; `ended` means that nothing older exists."""

    ids: Sequence[int]
    ended: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of tweets, newest first; `next_before` is the id to go on from, None at the end."""

    tweets: Sequence[EncodedTweet]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class ViewerRelations:
    """How a viewer stands to others, as of one moment."""

    following: frozenset[int]
    hidden: frozenset[int] = frozenset()
    """Muted and blocked users, and those who block the viewer."""
    shown: frozenset[int] = field(init=False)
    """Whose tweets the home timeline shows, but for the viewer's own."""

    def __post_init__(self) -> None:
        # Worked out once here, as each read of the home timeline asks for it.
        object.__setattr__(self, "shown", self.following - self.hidden)


@dataclass(frozen=True, slots=True)
class HotHome:
    """What memory has of a home timeline: `run` is None where there is no list."""

    relations: ViewerRelations
    run: Ids | None


@dataclass(frozen=True, slots=True)
class ViewerState:
    """What the persistent timeline of one viewer holds.

    It is complete for ids of at least `floor`; what is older is merged from the authors at read.
    """

    seen_ms: int
    built: bool
    floor: int


def merge_newest(runs: Iterable[Ids], count: int) -> Ids:
    """Merge runs of ids into the `count` newest, each once (k-way merge).

    Each run holds `count` ids or all it has, so nothing newer than the result can be missing.
    """
    runs = list(runs)
    merged = heapq.merge(*(run.ids for run in runs), reverse=True)
    found = list(islice(_distinct(merged), count + 1))
    cut = len(found) > count
    return Ids(found[:count], ended=not cut and all(run.ended for run in runs))


def _distinct(ids: Iterable[int]) -> Iterable[int]:
    last = None
    for tweet_id in ids:
        if tweet_id != last:
            yield tweet_id
        last = tweet_id


def is_visible(tweet: EncodedTweet, viewer: int, shown: frozenset[int]) -> bool:
    """Whether a home timeline shows the tweet: not deleted, and its author shown or oneself."""
    return not tweet.deleted and (tweet.author_id in shown or tweet.author_id == viewer)
