"""The service level objectives, in one place: rules and dashboards are made of these.

The limits are those Aviary was designed to, at the edge and with a warm cache: 99 of 100 home reads
within 500 ms, 99 of 100 posts within 300 ms. No share of answered requests was named then; 99.9 %
is what one zone with restarts can keep.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["BURN_ALERTS", "PERIOD_DAYS", "SLOS", "WINDOWS", "Burn", "Rpc", "Slo"]

PERIOD_DAYS: Final = 30
"""An error budget is for so many days."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """A public RPC."""

    service: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """A share of requests that must be good."""

    name: str
    title: str
    objective: float
    """The share, over `PERIOD_DAYS`."""
    rpc: Rpc | None = None
    """The RPC it is of; None is all public ones."""
    below_ms: int | None = None
    """Good are requests faster than this; None: those that did not fail through our fault."""

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        # Of decimals that people write: without their binary tail.
        return round(1 - self.objective, 9)


SLOS: Final = (
    Slo(
        name="home-latency",
        title="Home timelines within 500 ms",
        objective=0.99,
        rpc=Rpc("aviary.timeline.v1.TimelineService", "GetHomeTimeline"),
        below_ms=500,
    ),
    Slo(
        name="post-latency",
        title="Tweets posted within 300 ms",
        objective=0.99,
        rpc=Rpc("aviary.tweet.v1.TweetService", "CreateTweet"),
        below_ms=300,
    ),
    Slo(name="availability", title="Requests answered", objective=0.999),
)


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the budget burns this many times too fast over both windows."""

    factor: float
    long: str
    short: str
    """It ends the alert soon after the trouble ends."""
    severity: str


# After chapter 5 of Google's Site Reliability Workbook ("Multiwindow, Multi-Burn-Rate Alerts"): 2 %
# of the budget gone in an hour, 5 % in six hours, 10 % in a day and in three.
BURN_ALERTS: Final = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(3, "1d", "2h", "ticket"),
    Burn(1, "3d", "6h", "ticket"),
)
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Every window that an alert looks at."""
