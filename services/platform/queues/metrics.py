"""Which subscriptions are paused in this process, as a gauge."""

from collections.abc import Iterator

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import METRIC_BUS_PAUSED, SCOPE
from services.platform.queues.pauses import Pauses

__all__ = ["observe_pauses"]


def observe_pauses(pauses: Pauses, *, meter_provider: metrics.MeterProvider | None = None) -> None:
    """Report what is consumed here, and whether it is paused, whenever an exporter asks."""

    def paused(_options: object) -> Iterator[Observation]:
        for name, is_paused in pauses.taking_nothing().items():
            yield Observation(int(is_paused), {"subscription": name})

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_BUS_PAUSED, [paused])
