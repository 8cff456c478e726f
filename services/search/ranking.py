"""The order of `relevant`: how well a tweet fits, and how old it is."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.platform.ids.snowflake_time import time_ms

__all__ = ["MOST_RANKED", "Scored", "ranked"]

MOST_RANKED: Final = 1_000
"""Tweets that are ranked: more than anybody pages through, and what one search reads in some
milliseconds. Those with the best scores."""
HALF_LIFE_MS: Final = 3 * 86_400_000
"""Three days: what half of the recency is gone after."""
TIMELESS_SHARE: Final = 0.3
"""Of a score, which age does not touch: an old tweet that fits far better still comes first."""
LEAST_SCORE: Final = 0.01
"""Of what has no word to fit, such as `from:ada` alone: then age alone decides."""


class Scored(NamedTuple):
    """A tweet that was found."""

    score: float
    """By BM25 (Robertson and Zaragoza, "The probabilistic relevance framework", 2009)."""
    tweet_id: int
    group: int
    """The same for tweets that say nearly the same."""


def ranked(found: Sequence[Scored], now_ms: int) -> list[int]:
    """Rank tweets as of a time in Unix milliseconds; of each group the first alone."""

    def weight(each: Scored) -> tuple[float, int]:
        age_ms = max(0, now_ms - time_ms(each.tweet_id))
        recency = 2.0 ** (-age_ms / HALF_LIFE_MS)
        share = TIMELESS_SHARE + (1 - TIMELESS_SHARE) * recency
        return (max(each.score, LEAST_SCORE) * share, each.tweet_id)

    first: dict[int, int] = {}
    for each in sorted(found, key=weight, reverse=True):
        first.setdefault(each.group, each.tweet_id)
    return list(first.values())
