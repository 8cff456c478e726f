"""Which hashtags trend."""

import asyncio
from collections.abc import Mapping

import pytest

from services.platform.errors import InvalidArgumentError
from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at
from services.search.model import Bounds, Trend
from services.search.trends import FRESH_MS, MAX_TRENDS, WINDOW_MS, WINDOWS, Trends, ranked_trends

NOW_MS = EPOCH_MS + 1_000 * WINDOW_MS


def names(trends: list[Trend]) -> list[str]:
    return [trend.hashtag for trend in trends]


def test_what_rises_against_its_day_comes_before_what_is_always_there() -> None:
    lately = {"always": 800, "risen": 60, "new": 30}
    windows = [{"always": 102, "risen": 30, "new": 20}, *[{"always": 100, "risen": 4}] * 7]
    assert names(ranked_trends(windows, lately, {"always": 9_600, "risen": 400})) == [
        "new",
        "risen",
        "always",
    ]


def test_what_falls_is_no_trend() -> None:
    windows = [{"gone": 1}, *[{"gone": 2}] * 7]
    assert ranked_trends(windows, {"gone": 15}, {"gone": 9_600}) == []


def test_older_windows_count_less() -> None:
    windows = [{"now": 9}, *[{}] * 6, {"then": 9}]
    assert names(ranked_trends(windows, {"now": 9, "then": 9}, {})) == ["now", "then"]


def test_two_people_are_no_trend() -> None:
    assert ranked_trends([{"two": 2}], {"two": 2}, {}) == []
    assert ranked_trends([{"three": 3}], {"three": 3}, {}) == [Trend("three", 3)]


class Counts:
    """An index of one hashtag, which so many used in the newest window."""

    def __init__(self) -> None:
        self.authors = 5
        self.asked: list[tuple[str, Bounds]] = []
        self._running = self.most = 0

    async def hashtags(self, language: str, bounds: Bounds, _limit: int) -> Mapping[str, int]:
        self.asked.append((language, bounds))
        self._running += 1
        self.most = max(self.most, self._running)
        await asyncio.sleep(0)
        self._running -= 1
        newest = bounds.before == first_id_at(NOW_MS + 1)
        return {"x": self.authors} if newest else {}


class Clock:
    ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


async def test_an_answer_is_given_again_for_a_while() -> None:
    counts, clock = Counts(), Clock()
    trends = Trends(counts, clock)  # type: ignore[arg-type]
    assert await trends.strongest("EN", 0) == [Trend("x", 5)]
    asked = len(counts.asked)
    assert {language for language, _ in counts.asked} == {"en"}
    clock.ms += FRESH_MS - 1
    assert await trends.strongest("en", 5) == [Trend("x", 5)]
    assert len(counts.asked) == asked
    clock.ms += 1
    await trends.strongest("en", 5)
    assert len(counts.asked) == 2 * asked


async def test_who_asks_while_it_is_counted_waits_for_that() -> None:
    counts = Counts()
    trends = Trends(counts, Clock())  # type: ignore[arg-type]
    answers = await asyncio.gather(*(trends.strongest("en", 0) for _ in range(20)))
    assert answers == [[Trend("x", 5)]] * 20
    assert (len(counts.asked), counts.most) == (WINDOWS + 2, 1)


async def test_windows_cover_two_hours_and_the_day_before() -> None:
    counts = Counts()
    await Trends(counts, Clock()).strongest("", 0)  # type: ignore[arg-type]
    *windows, lately, day = [bounds for _, bounds in counts.asked]
    assert len(windows) == WINDOWS
    assert (lately.since, lately.before) == (windows[-1].since, windows[0].before)
    assert day.before == first_id_at(NOW_MS - WINDOWS * WINDOW_MS + 1)
    assert day.since == first_id_at(NOW_MS - WINDOWS * WINDOW_MS - 96 * WINDOW_MS)


@pytest.mark.parametrize(
    ("language", "limit", "field"),
    [
        ("english", 0, "language"),
        ("e", 0, "language"),
        ("", -1, "limit"),
        ("", MAX_TRENDS + 1, "limit"),
    ],
)
async def test_what_cannot_be_listed_is_refused(language: str, limit: int, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        await Trends(Counts(), Clock()).strongest(language, limit)  # type: ignore[arg-type]
    assert refused.value.field == field
