"""Timeline values and rules; pure, no I/O."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from services.errors import InvalidArgumentError
from services.timeline.encoded import EncodedTweet

__all__ = [
    "DEFAULT_LIMIT",
    "Ids",
    "Page",
    "ViewerState",
    "is_visible",
    "merge_newest",
    "page_limit",
]

DEFAULT_LIMIT = 50  # tweets a page
MAX_LIMIT = 200  # tweets a page; bounds the cost of one read


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
class ViewerState:
    """What the persistent timeline of one viewer holds.

    It is complete for ids of at least `floor`; what is older is merged from the authors at read.
    """

    seen_ms: int
    built: bool
    floor: int


def page_limit(limit: int) -> int:
    """Apply the default and the bounds of `limit`."""
    if limit == 0:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidArgumentError("limit", f"must be 1 to {MAX_LIMIT}, got {limit}")
    return limit


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


def is_visible(tweet: EncodedTweet, viewer: int, following: frozenset[int]) -> bool:
    """Whether a home timeline shows the tweet: not deleted, and its author followed or oneself."""
    return not tweet.deleted and (tweet.author_id == viewer or tweet.author_id in following)
