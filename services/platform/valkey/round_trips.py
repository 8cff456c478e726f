"""How long Valkey takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import metrics

from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_VALKEY_DURATION

__all__ = ["BUS", "CACHE", "RoundTrips"]

CACHE: Final = "cache"
BUS: Final = "bus"


class RoundTrips:
    """Times what is asked of one store: one script, or those that a caller sends together."""

    def __init__(self, store: str, *, meter_provider: metrics.MeterProvider | None = None) -> None:
        self._duration = duration_histogram(METRIC_VALKEY_DURATION, meter_provider)
        self._ok = {"store": store, "outcome": "ok"}
        self._failed = {"store": store, "outcome": "failed"}

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time what is inside; it failed if it raises."""
        began_s = time.perf_counter()
        try:
            yield
        except BaseException:
            self.ended(began_s, failed=True)
            raise
        self.ended(began_s)

    def ended(self, began_s: float, *, failed: bool = False) -> None:
        """Count one that began at this `time.perf_counter()`, where `timed` is too dear."""
        labels = self._failed if failed else self._ok
        self._duration.record(time.perf_counter() - began_s, labels)
