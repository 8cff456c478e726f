"""What Aviary promises, as numbers: the service level objectives.

Dashboards, alerts and `infra/terraform/modules/names` use these names; a test holds the latter
against this list.
"""

from dataclasses import dataclass

from services.telemetry import METRIC_FANOUT_LAG, METRIC_RPC_SERVER_DURATION

__all__ = ["OBJECTIVES", "Objective"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of events that is to be good, over four weeks."""

    name: str
    goal: float
    """Share of good events, above 0 and below 1."""
    threshold_s: float | None = None
    """An event is good when it took at most so long: a bound of a histogram's bucket, so that
    whole buckets are counted. None means that good is what ended without a fault of ours."""
    metric: str | None = None
    """The histogram that is counted; None means the answers at the edge."""
    methods: tuple[str, ...] = ()
    """Values of `rpc.method` that count; none means all."""


_CREATE_TWEET = ("aviary.tweet.v1.TweetService/CreateTweet",)
_READ_HOME = ("aviary.timeline.v1.TimelineService/GetHomeTimeline",)

# Half and 99 of a hundred home reads are to be below 200 ms and 500 ms at the edge, tweets below
# 300 ms; the histograms have no buckets of 200 and 300 ms, so the next below stand for them.
OBJECTIVES = (
    Objective("edge-availability", 0.999),
    Objective("tweet-create-latency", 0.99, 0.25, METRIC_RPC_SERVER_DURATION, _CREATE_TWEET),
    Objective("home-read-latency-fast", 0.5, 0.1, METRIC_RPC_SERVER_DURATION, _READ_HOME),
    Objective("home-read-latency", 0.99, 0.5, METRIC_RPC_SERVER_DURATION, _READ_HOME),
    Objective("fanout-lag", 0.99, 5.0, METRIC_FANOUT_LAG),
)
