"""What a relay shows of itself."""

from collections.abc import Callable

from opentelemetry import metrics

from services.platform.observability.names import METRIC_OUTBOX_HELD, METRIC_OUTBOX_SET_ASIDE, SCOPE

__all__ = ["RelayMetrics"]


class RelayMetrics:
    """Counts what is set aside, and shows what `held` says is in memory, of one outbox."""

    def __init__(
        self, table: str, held: Callable[[], int], meter_provider: metrics.MeterProvider | None
    ) -> None:
        self.labels = {"table": table}
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._set_aside = meter.create_counter(METRIC_OUTBOX_SET_ASIDE, unit="{entry}")
        meter.create_observable_up_down_counter(
            METRIC_OUTBOX_HELD,
            [lambda _: [metrics.Observation(held(), self.labels)]],
            unit="{entry}",
        )
        # The series is there before the first: an alert looks at how it rises.
        self._set_aside.add(0, self.labels)

    def set_aside(self) -> None:
        """Count one."""
        self._set_aside.add(1, self.labels)
