"""How often what is audited happens."""

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.audit.port import (
    EDGE_DENIED,
    LIMIT_HIT,
    LOG_IN,
    LOG_IN_FAILED,
    SIBLING_DENIED,
    TOKEN_ISSUED,
    TOKEN_REFUSED,
    Audit,
    Fact,
)
from services.platform.observability.names import METRIC_AUDIT_EVENTS, SCOPE

__all__ = ["MeteredAudit"]

COUNTED_FROM_THE_START = (
    EDGE_DENIED,
    LIMIT_HIT,
    LOG_IN,
    LOG_IN_FAILED,
    SIBLING_DENIED,
    TOKEN_ISSUED,
    TOKEN_REFUSED,
)
"""Rules and dashboards look at how these rise, so that their series are there before the first."""


class MeteredAudit:
    """An `Audit` that counts what was recorded, by event."""

    def __init__(
        self, audit: Audit, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._audit = audit
        self._counts = dict.fromkeys(COUNTED_FROM_THE_START, 0)
        metrics.get_meter(SCOPE, meter_provider=meter_provider).create_observable_counter(
            METRIC_AUDIT_EVENTS, [self._observed], unit="{event}"
        )

    def record(self, event: str, /, **facts: Fact) -> None:
        """Append an event, and count it when it is written."""
        self._audit.record(event, **facts)
        times = facts.get("times", 1)
        self._counts[event] = self._counts.get(event, 0) + int(times)

    def _observed(self, _options: object) -> list[Observation]:
        # The exporter has a thread of its own: a copy, made in one step.
        return [Observation(count, {"event": event}) for event, count in list(self._counts.items())]
