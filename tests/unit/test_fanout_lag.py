"""Of which tweets the lag of their fan-out is recorded: of those alone that are pushed."""

from collections.abc import Sequence
from unittest.mock import AsyncMock, Mock

import pytest

from services.fanout.consumers import FanoutConsumers
from services.fanout.lag import FanoutLag
from services.fanout.model import Audience
from services.fanout.planning import Planning
from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError
from services.platform.observability import names
from services.platform.runtime.clock import SystemClock
from services.tweet.events import TweetEvents
from tests.contract.metric_values import Metrics
from tests.tweet_messages import created

AUTHOR, TWEET = 7, 70


class Decided:
    """The tweet's row, and what is around it: `followers` follow, where one is the threshold."""

    def __init__(self, followers: int, *, gone: bool = False) -> None:
        self._followers = followers
        self._gone = gone
        self.celebrities: list[int] = []

    async def audiences(self, authors: Sequence[int]) -> Sequence[Audience]:
        return [Audience(each, self._followers, ([], [])) for each in authors]

    async def decide(self, _tweet_id: int, *, push: bool) -> bool:
        if self._gone:
            raise NotFoundError("deleted meanwhile", reason=Reason.TWEET_NOT_FOUND)
        return push

    async def add(self, author: int) -> None:
        self.celebrities.append(author)

    def followers(self) -> int:
        return 1


PUSHED, PULLED, DELETED = (1, False), (2, False), (2, True)


def consumers(row: Decided, metrics: Metrics) -> FanoutConsumers:
    unused, timelines = Mock(spec=()), Mock(left_to_readers=AsyncMock())
    planning = Planning(
        followers=row,  # type: ignore[arg-type]
        deliveries=row,
        celebrities=row,
        jobs=unused,
        timelines=timelines,
        threshold=row,
        lag=FanoutLag(SystemClock(), meter_provider=metrics.provider),
    )
    return FanoutConsumers(planning, unused, unused)


@pytest.mark.parametrize(
    ("of", "recorded"),
    [(PUSHED, 1), (PULLED, 0), (DELETED, 0)],
    ids=["pushed", "pulled", "deleted"],
)
async def test_the_lag_of_a_plan_is_of_pushed_tweets(of: tuple[int, bool], recorded: int) -> None:
    metrics, row = Metrics(), Decided(of[0], gone=of[1])
    await consumers(row, metrics).plan([created(TWEET, AUTHOR)])
    points = metrics.points(names.METRIC_FANOUT_LAG)
    assert sum(point.count for point in points.values()) == recorded
    # Also of a tweet that is gone: being on the list harms nothing.
    assert row.celebrities == ([] if recorded else [AUTHOR])


@pytest.mark.parametrize(
    ("of", "counted"),
    [(PUSHED, (1, 0)), (PULLED, (0, 1)), (DELETED, (0, 1))],
    ids=["pushed", "pulled", "deleted"],
)
async def test_every_tweet_is_counted_as_planned(
    of: tuple[int, bool], counted: tuple[int, int]
) -> None:
    """Or those that are not pushed would be missing among the tweets that were posted."""
    metrics = Metrics()
    planning = consumers(Decided(of[0], gone=of[1]), metrics)
    assert metrics.values(names.METRIC_FANOUT_PLANNED) == {("no",): 0, ("yes",): 0}
    await planning.plan([created(TWEET, AUTHOR), TweetEvents().deleted(TWEET, AUTHOR)])
    values = metrics.values(names.METRIC_FANOUT_PLANNED)
    assert (values[("yes",)], values[("no",)]) == counted


async def test_the_news_that_a_tweet_was_deleted_has_no_lag() -> None:
    metrics = Metrics()
    await consumers(Decided(1), metrics).plan([TweetEvents().deleted(TWEET, AUTHOR)])
    assert metrics.points(names.METRIC_FANOUT_LAG) == {}
