"""Which subscriptions are paused in this process, and which fail in it, as gauges."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import METRIC_BUS_FAILING, METRIC_BUS_PAUSED, SCOPE
from services.platform.queues.pauses import Pauses

__all__ = ["observe_pauses"]


def observe_pauses(pauses: Pauses, *, meter_provider: metrics.MeterProvider | None = None) -> None:
    """Report what is consumed here, and if it is paused or fails, whenever an exporter asks."""
    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    for metric, said in (
        (METRIC_BUS_PAUSED, pauses.taking_nothing),
        (METRIC_BUS_FAILING, pauses.failing),
    ):
        meter.create_observable_gauge(metric, [partial(_observed, said)])


def _observed(said: Callable[[], Mapping[str, bool]], _options: object) -> Iterator[Observation]:
    for name, holds in said().items():
        yield Observation(int(holds), {"subscription": name})
