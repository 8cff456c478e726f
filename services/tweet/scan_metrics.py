"""The figures of looking at what tweets say."""

from collections.abc import Iterable
from typing import Final

from opentelemetry import metrics

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import (
    METRIC_TWEET_SCAN_LAG,
    METRIC_TWEET_SCANNED,
    SCOPE,
)
from services.platform.runtime.clock import Clock

__all__ = ["ScanMetrics"]

MS_PER_S: Final = 1_000


class ScanMetrics:
    """Counts tweets that were looked at, and how long that took from their posts."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        self._lag = duration_histogram(METRIC_TWEET_SCAN_LAG, meter_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._scanned = meter.create_counter(METRIC_TWEET_SCANNED, unit="{tweet}")

    def scanned(self, *, hit: bool) -> None:
        """Count a tweet that was looked at."""
        self._scanned.add(1, {"outcome": "quarantined" if hit else "clean"})

    def scanned_new(self, tweet_ids: Iterable[int]) -> None:
        """Record how old these are, whose posts were announced."""
        now_ms = self._clock.now_ms()
        for each in tweet_ids:
            # Ids are made by other machines, whose clocks may be a little ahead.
            self._lag.record(max(0, now_ms - time_ms(each)) / MS_PER_S, {})
