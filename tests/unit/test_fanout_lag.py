"""Of which tweets the lag of their fan-out is recorded: of those alone that are pushed."""

from collections.abc import AsyncGenerator
from unittest.mock import Mock

import pytest

from services.fanout.consumers import FanoutConsumers
from services.fanout.lag import FanoutLag
from services.fanout.service import FanoutService
from services.platform.errors import NotFoundError
from services.platform.observability import names
from services.platform.runtime.clock import SystemClock
from services.tweet.events import TweetEvents
from tests.contract.metric_values import Metrics

AUTHOR, TWEET = 7, 70


class Decided:
    """The tweet's row, and what is around it: nobody follows."""

    def __init__(self, *, push: bool | None) -> None:
        self._push = push
        self.celebrities: list[int] = []

    async def decide(self, _tweet_id: int, *, push: bool) -> bool:
        assert push
        if self._push is None:
            raise NotFoundError("deleted meanwhile", reason="TWEET_NOT_FOUND")
        return self._push

    async def count(self, _author: int) -> int:
        return 0

    async def pages(
        self, _author: int, _after: int | None
    ) -> AsyncGenerator[tuple[list[int], list[int]], None]:
        for page in list[tuple[list[int], list[int]]]():
            yield page

    async def add(self, author: int) -> None:
        self.celebrities.append(author)

    def followers(self) -> int:
        return 1


def consumers(row: Decided, metrics: Metrics) -> FanoutConsumers:
    unused = Mock(spec=())
    fanout = FanoutService(
        followers=row,
        deliveries=row,
        tweets=unused,
        celebrities=row,
        jobs=unused,
        timelines=unused,
        backfill=unused,
        threshold=row,
    )
    return FanoutConsumers(fanout, FanoutLag(SystemClock(), meter_provider=metrics.provider))


@pytest.mark.parametrize(
    ("push", "recorded"), [(True, 1), (False, 0), (None, 0)], ids=["pushed", "pulled", "deleted"]
)
async def test_the_lag_of_a_plan_is_of_pushed_tweets(*, push: bool | None, recorded: int) -> None:
    metrics, row = Metrics(), Decided(push=push)
    await consumers(row, metrics).plan(TweetEvents().created(TWEET, AUTHOR))
    points = metrics.points(names.METRIC_FANOUT_LAG)
    assert sum(point.count for point in points.values()) == recorded
    assert row.celebrities == ([AUTHOR] if push is False else [])


@pytest.mark.parametrize(
    ("push", "counted"),
    [(True, (1, 0)), (False, (0, 1)), (None, (0, 1))],
    ids=["pushed", "pulled", "deleted"],
)
async def test_every_tweet_is_counted_as_planned(
    *, push: bool | None, counted: tuple[int, int]
) -> None:
    """Or those that are not pushed would be missing among the tweets that were posted."""
    metrics = Metrics()
    planning = consumers(Decided(push=push), metrics)
    assert metrics.values(names.METRIC_FANOUT_PLANNED) == {("no",): 0, ("yes",): 0}
    await planning.plan(TweetEvents().created(TWEET, AUTHOR))
    await planning.plan(TweetEvents().deleted(TWEET, AUTHOR))
    values = metrics.values(names.METRIC_FANOUT_PLANNED)
    assert (values[("yes",)], values[("no",)]) == counted


async def test_the_news_that_a_tweet_was_deleted_has_no_lag() -> None:
    metrics = Metrics()
    await consumers(Decided(push=True), metrics).plan(TweetEvents().deleted(TWEET, AUTHOR))
    assert metrics.points(names.METRIC_FANOUT_LAG) == {}
