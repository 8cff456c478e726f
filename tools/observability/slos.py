"""The objectives as Prometheus measures them, and when to alert on them."""

from dataclasses import dataclass
from typing import Final, Self

from services.platform.observability.names import METRIC_FANOUT_LAG
from services.platform.observability.objectives import OBJECTIVES, PERIOD_DAYS, Objective

__all__ = ["BURN_ALERTS", "PERIOD_DAYS", "SLOS", "WINDOWS", "Burn", "Slo"]

_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """A share of requests, or of tweets, that must be good."""

    name: str
    title: str
    objective: float
    """The share, over `PERIOD_DAYS`."""
    rpc: str | None = None
    """`package.Service/Method`, the public RPC that it is about; None is all public ones."""
    below_ms: int | None = None
    """Good are requests answered faster than this; None: those that did not fail through our fault.
    """
    fanned_out_s: float | None = None
    """Good are tweets that reached home timelines within so long; None where it is of requests."""

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        # Of decimals that people write: without their binary tail.
        return round(1 - self.objective, 9)

    @classmethod
    def of(cls, objective: Objective) -> Self:
        """Make one of an objective; requests are judged at the edge, as their callers do."""
        limit_s, fanout = objective.threshold_s, objective.metric == METRIC_FANOUT_LAG
        rpc = next(iter(objective.methods), None)
        return cls(
            name=objective.name,
            title=objective.title,
            objective=objective.goal,
            rpc=rpc,
            below_ms=None if fanout or limit_s is None else round(limit_s * _MS_PER_S),
            fanned_out_s=limit_s if fanout else None,
        )


SLOS: Final = tuple(map(Slo.of, OBJECTIVES))


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the budget burns this many times too fast over both windows."""

    factor: float
    long: str
    short: str
    """The short window, which ends the alert soon after the trouble ends."""
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
