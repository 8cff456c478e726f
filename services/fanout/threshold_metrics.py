"""The celebrity threshold that this process goes by, as a gauge."""

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.fanout.threshold import OperatedThreshold
from services.platform.observability.names import METRIC_FANOUT_THRESHOLD, SCOPE

__all__ = ["observe_threshold"]


def observe_threshold(
    threshold: OperatedThreshold, *, meter_provider: metrics.MeterProvider | None = None
) -> None:
    """Report the threshold, in followers, and what has set it, whenever an exporter asks."""

    def followers(_options: object) -> list[Observation]:
        return [Observation(threshold.in_force, {"source": threshold.source})]

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_FANOUT_THRESHOLD, [followers], unit="{follower}")
