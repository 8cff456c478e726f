"""How long it takes until users are told."""

from collections.abc import Iterable

from opentelemetry import metrics

from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_NOTIFICATION_LAG
from services.platform.runtime.clock import Clock

__all__ = ["NotificationLag"]

MS_PER_S = 1_000


class NotificationLag:
    """Records the time since what is told of happened."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        self._lag = duration_histogram(METRIC_NOTIFICATION_LAG, meter_provider)

    def told(self, at_ms: Iterable[int]) -> None:
        """Users are told from now on of what happened then, each in Unix milliseconds."""
        now_ms = self._clock.now_ms()
        for each in at_ms:
            # Other machines date it, whose clocks may be a little ahead.
            self._lag.record(max(0, now_ms - each) / MS_PER_S, {})
