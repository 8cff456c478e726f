"""How long this process may still make ids, as a gauge."""

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.observability.names import METRIC_ID_LEASE_REMAINING, SCOPE

__all__ = ["observe_lease"]

MS_PER_S = 1_000


def observe_lease(
    generator: SnowflakeGenerator, *, meter_provider: metrics.MeterProvider | None = None
) -> None:
    """Report what is left of the generator's lease, whenever an exporter asks."""

    def observe(_options: object) -> list[Observation]:
        return [Observation(generator.window_left_ms / MS_PER_S)]

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_ID_LEASE_REMAINING, [observe], unit="s")
