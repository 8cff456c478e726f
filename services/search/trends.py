"""Trends: hashtags that more people use now than they did.

People are counted, not tweets, so who repeats a hashtag adds nothing to it. What is compared is a
rate of authors by sliding windows, of which each older one counts less (exponential decay), with
what a day before would have one expect. The surplus is measured in the deviation that a Poisson
process of that rate has (Hendrickson, Kolb, Lehman and Montague, "Trend detection in social data",
Gnip, 2015): so ten more than none is a trend, and ten more than a thousand is not.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.runtime.clock import Clock
from services.search.model import Bounds, Trend
from services.search.ports import SearchIndex

__all__ = ["DEFAULT_TRENDS", "MAX_TRENDS", "Trends", "ranked_trends"]

DEFAULT_TRENDS: Final = 10
MAX_TRENDS: Final = 50
"""Trends in one answer."""
WINDOW_MS: Final = 15 * 60_000
"""A quarter of an hour: enough people in one, on a quiet day, to say something."""
WINDOWS: Final = 8
"""Two hours, by windows."""
DECAY: Final = 2.0**-0.5
"""What a window counts of what the next newer one does: half after half an hour."""
DAY_WINDOWS: Final = 96
LEAST_AUTHORS: Final = 3
"""Who must have used it within two hours: two friends are no trend."""
COUNTED: Final = 500
"""Hashtags of a window that are looked at: those that most people used."""
FRESH_MS: Final = 15_000
"""How long an answer is given again, to all who ask for the same language."""
MOST_LANGUAGES: Final = 64
"""Answers kept at once."""
_LANGUAGE: Final = re.compile("([A-Za-z]{2,3})?", re.ASCII)


class Trends:
    """The use case; raises `UnavailableError` where the index does not answer."""

    def __init__(self, index: SearchIndex, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._known: dict[str, tuple[int, Sequence[Trend]]] = {}
        self._counting = asyncio.Lock()
        """Held by who counts: others wait for what that gives, and searches have room beside it."""

    async def strongest(self, language: str, limit: int) -> Sequence[Trend]:
        """List the strongest trends, of a language or (empty) of all; `limit` 0 is the default.

        Raises `InvalidArgumentError` for what is no language code, and beyond `MAX_TRENDS`.
        """
        if _LANGUAGE.fullmatch(language) is None:
            raise InvalidArgumentError("language", "must be a primary code, such as `en`, or empty")
        if not 0 <= limit <= MAX_TRENDS:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_TRENDS}, got {limit}")
        return (await self._all(language.lower()))[: limit or DEFAULT_TRENDS]

    async def _all(self, language: str) -> Sequence[Trend]:
        if (fresh := self._fresh(language)) is not None:
            return fresh
        async with self._counting:
            if (fresh := self._fresh(language)) is not None:
                return fresh
            now_ms = self._clock.now_ms()
            known = await self._counted(language, now_ms)
            self._known.pop(language, None)
            self._known[language] = (now_ms, known)
            while len(self._known) > MOST_LANGUAGES:
                del self._known[next(iter(self._known))]
            return known

    def _fresh(self, language: str) -> Sequence[Trend] | None:
        made_ms, known = self._known.get(language, (None, ()))
        if made_ms is None or not 0 <= self._clock.now_ms() - made_ms < FRESH_MS:
            return None
        return known

    async def _counted(self, language: str, now_ms: int) -> Sequence[Trend]:
        def back(newest: int, oldest: int) -> Bounds:
            """From so many windows ago to so many."""
            since, before = now_ms - oldest * WINDOW_MS, now_ms - newest * WINDOW_MS + 1
            return Bounds(first_id_at(since), first_id_at(before))

        places = [
            *(back(place, place + 1) for place in range(WINDOWS)),
            back(0, WINDOWS),
            back(WINDOWS, WINDOWS + DAY_WINDOWS),
        ]
        *windows, lately, day = [
            await self._index.hashtags(language, each, COUNTED) for each in places
        ]
        return ranked_trends(windows, lately, day)


def ranked_trends(
    windows: Sequence[Mapping[str, int]], lately: Mapping[str, int], day: Mapping[str, int]
) -> list[Trend]:
    """Rank hashtags by authors in each window (newest first), in all of them, in the day before."""
    weights = [DECAY**place for place in range(len(windows))]

    def surplus(hashtag: str) -> float:
        counts = zip(weights, windows, strict=True)
        rate = sum(weight * window.get(hashtag, 0) for weight, window in counts) / sum(weights)
        expected = day.get(hashtag, 0) / DAY_WINDOWS
        return (rate - expected) / sqrt(expected + 1)

    found = {tag: surplus(tag) for tag, authors in lately.items() if authors >= LEAST_AUTHORS}
    risen = sorted((-value, tag) for tag, value in found.items() if value > 0)
    return [Trend(tag, lately[tag]) for _, tag in risen]
