"""What Aviary promises, as numbers: the service level objectives.

Rules and dashboards for Prometheus (`tools/observability/slos.py`) and the locals of Terraform
(`tools/deploy/terraform.py`) are made of them.
"""

from dataclasses import dataclass
from typing import Final

from services.platform.observability.names import METRIC_FANOUT_LAG, METRIC_RPC_SERVER_DURATION

__all__ = ["OBJECTIVES", "PERIOD_DAYS", "Objective"]

PERIOD_DAYS: Final = 30
"""An error budget is for so many days."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of events that is to be good, over `PERIOD_DAYS`."""

    name: str
    title: str
    goal: float
    """Share of good events, above 0 and below 1."""
    threshold_s: float | None = None
    """An event is good when it took at most so long: a bound of a histogram's bucket, so that
    whole buckets are counted. None means that good is what ended without a fault of ours."""
    metric: str | None = None
    """The histogram that is counted; None means the answers at the edge."""
    methods: tuple[str, ...] = ()
    """Values of `rpc.method` that count; none means all. The edge counts all of them by the first.
    """


_CREATE_TWEET = ("aviary.tweet.v1.TweetService/CreateTweet",)
_READ_HOME = (
    "aviary.timeline.v1.TimelineService/GetHomeTimeline",
    "aviary.timeline.v1.TimelineService/GetHomeTimelineJson",
)

# Half and 99 of a hundred home reads are to be below 200 ms and 500 ms at the edge, with a warm
# cache, and 99 of a hundred posts below 300 ms. No share of answered requests was named then;
# 99.9 % is what one zone with restarts can keep. Nor was how late a tweet may reach its followers;
# after 5 s they would notice.
OBJECTIVES = (
    Objective("edge-availability", "Requests answered", 0.999),
    Objective(
        "tweet-create-latency",
        "Tweets posted within 300 ms",
        0.99,
        0.3,
        METRIC_RPC_SERVER_DURATION,
        _CREATE_TWEET,
    ),
    Objective(
        "home-read-latency-fast",
        "Home timelines within 200 ms",
        0.5,
        0.2,
        METRIC_RPC_SERVER_DURATION,
        _READ_HOME,
    ),
    Objective(
        "home-read-latency",
        "Home timelines within 500 ms",
        0.99,
        0.5,
        METRIC_RPC_SERVER_DURATION,
        _READ_HOME,
    ),
    Objective("fanout-lag", "Tweets fanned out within 5 s", 0.99, 5.0, METRIC_FANOUT_LAG),
)
