"""How long a tweet takes until it is found."""

from collections.abc import Iterable

from opentelemetry import metrics

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_SEARCH_LAG
from services.platform.runtime.clock import Clock

__all__ = ["SearchLag"]

MS_PER_S = 1_000


class SearchLag:
    """Records the time since tweets were made, which is in their ids."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        self._lag = duration_histogram(METRIC_SEARCH_LAG, meter_provider)

    def found(self, tweet_ids: Iterable[int]) -> None:
        """Tweets are found from now on."""
        now_ms = self._clock.now_ms()
        for tweet_id in tweet_ids:
            # Ids are made by other machines, whose clocks may be a little ahead.
            self._lag.record(max(0, now_ms - time_ms(tweet_id)) / MS_PER_S, {})
