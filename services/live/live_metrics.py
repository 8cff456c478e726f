"""The live service's own figures."""

from collections.abc import Callable
from typing import Final

from opentelemetry import metrics

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import (
    METRIC_LIVE_DELAY,
    METRIC_LIVE_REFUSED,
    METRIC_LIVE_SENT,
    METRIC_LIVE_SLOW,
    METRIC_LIVE_STREAMS,
    SCOPE,
)
from services.platform.runtime.clock import Clock

__all__ = ["LiveMetrics"]

_MS_PER_S: Final = 1_000
_FRESH_MS: Final = 150_000
"""What is older was streamed after a pause of its reader: a fan-out that is later has no events."""


class LiveMetrics:
    """Counts streams and what they send."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        self._meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._sent = self._meter.create_counter(METRIC_LIVE_SENT, unit="{event}")
        self._slow = self._meter.create_counter(METRIC_LIVE_SLOW, unit="{stream}")
        self._refused = self._meter.create_counter(METRIC_LIVE_REFUSED, unit="{stream}")
        self._delay = duration_histogram(METRIC_LIVE_DELAY, meter_provider)
        self._slow.add(0)
        for of in ("user", "process"):
            self._refused.add(0, {"limit": of})

    def observe_open(self, count: Callable[[], int]) -> None:
        """Report how many streams there are."""
        self._meter.create_observable_gauge(
            METRIC_LIVE_STREAMS, [lambda _: [metrics.Observation(count())]]
        )

    def sent(self, kind: str, entry_id: int | None = None) -> None:
        """Count an event, and how long after its post an entry was sent."""
        self._sent.add(1, {"event": kind})
        if entry_id is not None:
            delay_ms = max(0, self._clock.now_ms() - time_ms(entry_id))
            if delay_ms < _FRESH_MS:
                self._delay.record(delay_ms / _MS_PER_S, {})

    def refused(self, limit: str) -> None:
        """Count a stream that was not opened."""
        self._refused.add(1, {"limit": limit})

    def ended_slow(self) -> None:
        """Count a stream that was ended because its reader was too slow."""
        self._slow.add(1)
