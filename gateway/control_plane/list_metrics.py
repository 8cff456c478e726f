"""How full the lists are that edges are sent, as a gauge; and a warning when one is full."""

import structlog
from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.log_events import EVENT_LIMITS_LIST_FULL
from services.platform.observability.names import METRIC_LIMITS_LISTED, SCOPE

__all__ = ["ListMetrics"]

_log = structlog.get_logger()


class ListMetrics:
    """Keeps the lengths, as of the last look."""

    def __init__(self, *, meter_provider: metrics.MeterProvider | None = None) -> None:
        self._lengths: dict[str, int] = {}
        self._full: set[str] = set()
        metrics.get_meter(SCOPE, meter_provider=meter_provider).create_observable_gauge(
            METRIC_LIMITS_LISTED, [self._observed], unit="{name}"
        )

    def seen(self, name: str, length: int, *, full: bool) -> None:
        """Note a list's length, and say so once when it has become full."""
        self._lengths[name] = length
        if full and name not in self._full:
            _log.warning(EVENT_LIMITS_LIST_FULL, list=name, length=length)
        (self._full.add if full else self._full.discard)(name)

    def _observed(self, _options: object) -> list[Observation]:
        # The exporter has a thread of its own: a copy, made in one step.
        return [Observation(count, {"list": name}) for name, count in list(self._lengths.items())]
