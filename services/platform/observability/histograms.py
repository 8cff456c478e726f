"""Histograms that cost about a microsecond to record.

The SDK's own check, copy and hash the attributes at every measurement: 15 us, several times in a
warm read. Here a series is found by its attributes as they were given, and a measurement is a few
additions; readers get what was counted with all else that they collect, under the same names.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Final, Protocol

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Exemplar, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from services.platform.observability.names import SCOPE

__all__ = ["CountingMeterProvider", "CountsRead", "Recorder", "duration_histogram", "histogram"]

SECONDS: Final = "s"

Attributes = Mapping[str, str]


class Recorder(Protocol):
    """What amounts are recorded in."""

    def record(self, amount: float, attributes: Attributes) -> None:
        """Count one amount; the attributes have the same keys each time."""
        ...


def duration_histogram(name: str, meter_provider: metrics.MeterProvider | None) -> Recorder:
    """Make a histogram in seconds, with the process's buckets; see `histogram`."""
    return histogram(name, meter_provider, unit=SECONDS)


def histogram(
    name: str,
    meter_provider: metrics.MeterProvider | None,
    *,
    unit: str,
    bounds: Sequence[float] | None = None,
) -> Recorder:
    """Make a histogram; of a provider that is not `CountingMeterProvider`, its own.

    The provider defaults to the process's, which must be set by then. `bounds` are the upper ends
    of the buckets, rising; None for the provider's.
    """
    provider = meter_provider or metrics.get_meter_provider()
    if isinstance(provider, CountingMeterProvider):
        return provider.histogram(name, unit, bounds)
    meter = metrics.get_meter(SCOPE, meter_provider=provider)
    return meter.create_histogram(name, unit=unit, explicit_bucket_boundaries_advisory=bounds)


class CountingMeterProvider(MeterProvider):
    """The SDK's provider, with histograms of our own beside its instruments.

    Its readers must be of `CountsRead`. The SDK gives them nothing while none of its own
    instruments has anything: a process always has one, which says what it runs.
    """

    def __init__(
        self,
        readers: Sequence["CountsRead"],
        resource: Resource,
        bounds: Sequence[float],
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """`bounds` are the upper ends of the buckets, rising, in seconds."""
        super().__init__(metric_readers=readers, resource=resource, **options)  # type: ignore[arg-type]
        self._resource = resource
        self._bounds = tuple(bounds)
        self._began_ns = time.time_ns()
        self._histograms: dict[str, _Histogram] = {}
        for reader in readers:
            reader.counts = self

    def histogram(self, name: str, unit: str, bounds: Sequence[float] | None) -> Recorder:
        """Return the histogram of this name; all who ask for it share it."""
        made = _Histogram(unit, self._bounds if bounds is None else tuple(bounds))
        return self._histograms.setdefault(name, made)

    def added_to(self, collected: MetricsData | None) -> MetricsData | None:
        """Return what was collected and what was counted."""
        now_ns = time.time_ns()
        counted = [
            Metric(
                name=name,
                description="",
                unit=histogram.unit,
                data=Histogram(points, AggregationTemporality.CUMULATIVE),
            )
            for name, histogram in list(self._histograms.items())
            if (points := list(histogram.points(self._began_ns, now_ns)))
        ]
        if not counted:
            return collected
        # One resource, and each scope once: of two that are equal an exporter sends the last alone.
        before = collected.resource_metrics if collected is not None else ()
        scopes = {each.scope.name: each for one in before for each in one.scope_metrics}
        ours = scopes.pop(SCOPE, None) or ScopeMetrics(InstrumentationScope(SCOPE), [], "")
        merged = ScopeMetrics(ours.scope, [*ours.metrics, *counted], ours.schema_url)
        return MetricsData([ResourceMetrics(self._resource, [*scopes.values(), merged], "")])


class CountsRead:
    """Mixed into a metric reader: it gets what `CountingMeterProvider` counts, too."""

    counts: CountingMeterProvider | None = None

    def _receive_metrics(
        self,
        metrics_data: MetricsData | None,
        timeout_millis: float = 10_000,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        if self.counts is not None:
            metrics_data = self.counts.added_to(metrics_data)
        super()._receive_metrics(metrics_data, timeout_millis, **options)  # type: ignore[misc]


class _Histogram:
    """Counts of one metric by its attributes; for any thread."""

    def __init__(self, unit: str, bounds: tuple[float, ...]) -> None:
        self.unit = unit
        self._bounds = bounds
        self._series: dict[tuple[tuple[str, str], ...], _Series] = {}
        self._lock = Lock()

    def record(self, amount: float, attributes: Attributes) -> None:
        """Count one amount."""
        key = tuple(attributes.items())
        series = self._series.get(key)
        if series is None:
            with self._lock:
                series = self._series.setdefault(key, _Series(len(self._bounds) + 1))
        series.add(amount, bisect_left(self._bounds, amount))

    def points(self, began_ns: int, now_ns: int) -> Iterator[HistogramDataPoint]:
        """Give the figures of each series since the process began."""
        for attributes, series in list(self._series.items()):
            yield series.point(dict(attributes), self._bounds, began_ns, now_ns)


class _Series:
    __slots__ = ("_counts", "_exemplars", "_least", "_lock", "_most", "_sum")

    def __init__(self, buckets: int) -> None:
        self._counts = [0] * buckets
        self._sum = 0.0
        self._least = float("inf")
        self._most = 0.0
        self._exemplars: dict[int, Exemplar] = {}
        self._lock = Lock()

    def add(self, amount: float, bucket: int) -> None:
        with self._lock:
            self._counts[bucket] += 1
            self._sum += amount
            self._least = min(self._least, amount)
            self._most = max(self._most, amount)
        span = trace.get_current_span()
        if span.is_recording():
            # The last of each bucket: the way from a figure to a trace behind it.
            where = span.get_span_context()
            exemplar = Exemplar({}, amount, time.time_ns(), where.span_id, where.trace_id)
            with self._lock:
                self._exemplars[bucket] = exemplar

    def point(
        self, attributes: Attributes, bounds: Sequence[float], began_ns: int, now_ns: int
    ) -> HistogramDataPoint:
        with self._lock:
            counts = tuple(self._counts)
            return HistogramDataPoint(
                attributes=attributes,
                start_time_unix_nano=began_ns,
                time_unix_nano=now_ns,
                count=sum(counts),
                sum=self._sum,
                bucket_counts=counts,
                explicit_bounds=bounds,
                min=self._least,
                max=self._most,
                exemplars=list(self._exemplars.values()),
            )
