"""How often caches have what is looked for, and how often the hot store fails."""

from opentelemetry import metrics

from services.telemetry import (
    METRIC_CACHE_HITS,
    METRIC_CACHE_MISSES,
    METRIC_HOT_STORE_UNAVAILABLE,
    SCOPE,
)

__all__ = ["AUTHOR", "HOME", "RELATIONS", "TWEETS", "CacheMetrics", "count_unavailable"]

HOME = "home"
"""Hot lists of home timelines."""
AUTHOR = "author"
"""Hot lists of authors' own tweets."""
TWEETS = "tweets"
"""Encoded tweets; a tombstone is a hit."""
RELATIONS = "relations"
"""Whom viewers follow and hide."""


class CacheMetrics:
    """Counts hits and misses by cache. A look that failed is neither."""

    def __init__(self, *, meter_provider: metrics.MeterProvider | None = None) -> None:
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._hits = meter.create_counter(METRIC_CACHE_HITS, unit="{entry}")
        self._misses = meter.create_counter(METRIC_CACHE_MISSES, unit="{entry}")

    def hit(self, cache: str, count: int = 1) -> None:
        """Count entries that were there."""
        if count:
            self._hits.add(count, {"cache": cache})

    def miss(self, cache: str, count: int = 1) -> None:
        """Count entries that were not."""
        if count:
            self._misses.add(count, {"cache": cache})


def count_unavailable(error: BaseException) -> None:
    """Count a call that the hot store did not answer, or answered with an error."""
    # Looked up at each failure: they are rare, and come from adapters that share nothing else.
    meter = metrics.get_meter(SCOPE)
    counter = meter.create_counter(METRIC_HOT_STORE_UNAVAILABLE, unit="{call}")
    counter.add(1, {"error.type": type(error).__name__})
