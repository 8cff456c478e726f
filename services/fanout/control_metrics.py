"""What this process goes by, as gauges."""

from collections.abc import Iterator

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.fanout.controls import FanoutControls, StoredThreshold
from services.platform.observability.names import (
    METRIC_FANOUT_PAUSED,
    METRIC_FANOUT_THRESHOLD,
    SCOPE,
)

__all__ = ["observe_controls"]


def observe_controls(
    threshold: StoredThreshold,
    controls: FanoutControls,
    *,
    meter_provider: metrics.MeterProvider | None = None,
) -> None:
    """Report the threshold and the pauses whenever an exporter asks."""

    def followers(_options: object) -> list[Observation]:
        return [Observation(threshold.followers(), {"source": threshold.source})]

    def paused(_options: object) -> Iterator[Observation]:
        for name, is_paused in controls.current().paused.items():
            yield Observation(int(is_paused), {"subscription": name})

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_FANOUT_THRESHOLD, [followers], unit="{follower}")
    meter.create_observable_gauge(METRIC_FANOUT_PAUSED, [paused])
