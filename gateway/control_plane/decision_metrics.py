"""How the gateway decides on writes, as a counter."""

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import METRIC_LIMITS_DECISIONS, SCOPE

__all__ = ["DecisionMetrics"]

ALLOWED = "allowed"


class DecisionMetrics:
    """Counts in plain numbers, which an exporter fetches: every write waits for a decision."""

    def __init__(
        self,
        classes: list[str],
        budgets: tuple[str, ...],
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        # All there can be, so that each is there before its first.
        outcomes = (ALLOWED, *budgets)
        self._counts = {(name, outcome): 0 for name in classes for outcome in outcomes}
        metrics.get_meter(SCOPE, meter_provider=meter_provider).create_observable_counter(
            METRIC_LIMITS_DECISIONS, [self._observed], unit="{decision}"
        )

    def decided(self, name: str, refused_by: str | None) -> None:
        """Count a decision on a request of this class; `refused_by` is a budget, or None."""
        self._counts[name, refused_by or ALLOWED] += 1

    def _observed(self, _options: object) -> list[Observation]:
        # A copy, made in one step: the exporter has a thread of its own.
        return [
            Observation(count, {"class": name, "outcome": outcome})
            for (name, outcome), count in list(self._counts.items())
        ]
