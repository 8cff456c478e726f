"""How often caches have what is looked for, and how often the hot store fails."""

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import (
    METRIC_CACHE_HITS,
    METRIC_CACHE_MISSES,
    METRIC_HOT_STORE_UNAVAILABLE,
    SCOPE,
)

__all__ = ["CacheMetrics", "begin_unavailable", "count_unavailable"]


class CacheMetrics:
    """Counts hits and misses by cache, one for all caches of a process.

    A look that failed is neither. Plain numbers, which an exporter fetches: a home read counts
    three times, and a counter of the SDK's costs it 4 us each time.
    """

    def __init__(self, *, meter_provider: metrics.MeterProvider | None = None) -> None:
        self._hits: dict[str, int] = {}
        self._misses: dict[str, int] = {}
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_counter(
            METRIC_CACHE_HITS, [lambda _: _observed(self._hits)], unit="{entry}"
        )
        meter.create_observable_counter(
            METRIC_CACHE_MISSES, [lambda _: _observed(self._misses)], unit="{entry}"
        )

    def hit(self, cache: str, count: int = 1) -> None:
        """Count entries that were there."""
        if count:
            self._hits[cache] = self._hits.get(cache, 0) + count

    def miss(self, cache: str, count: int = 1) -> None:
        """Count entries that were not."""
        if count:
            self._misses[cache] = self._misses.get(cache, 0) + count


def _observed(counts: dict[str, int]) -> list[Observation]:
    # The exporter has a thread of its own: a copy, made in one step.
    return [Observation(count, {"cache": cache}) for cache, count in list(counts.items())]


def begin_unavailable(
    errors: Iterable[type[BaseException]], *, meter_provider: metrics.MeterProvider | None = None
) -> None:
    """Have the series of these errors before the first: rates see nothing in one that begins."""
    for error in errors:
        _count_unavailable(0, error, meter_provider)


def count_unavailable(error: BaseException) -> None:
    """Count a call that the hot store did not answer, or answered with an error."""
    _count_unavailable(1, type(error), None)


def _count_unavailable(
    calls: int, error: type[BaseException], meter_provider: metrics.MeterProvider | None
) -> None:
    # Looked up at each failure: they are rare, and come from adapters that share nothing else.
    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    counter = meter.create_counter(METRIC_HOT_STORE_UNAVAILABLE, unit="{call}")
    counter.add(calls, {"error.type": error.__name__})
