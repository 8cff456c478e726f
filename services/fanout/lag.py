"""How long a tweet takes to its readers' timelines."""

from opentelemetry import metrics

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.names import METRIC_FANOUT_LAG, SCOPE
from services.platform.runtime.clock import Clock

__all__ = ["FanoutLag"]

MS_PER_S = 1_000


class FanoutLag:
    """Records the time since a tweet was made, which is in its id."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        self._lag = metrics.get_meter(SCOPE, meter_provider=meter_provider).create_histogram(
            METRIC_FANOUT_LAG, unit="s"
        )

    def planned(self, tweet_id: int) -> None:
        """It is pushed, and jobs are queued for the first pages at least."""
        self._record(tweet_id, "plan")

    def pushed(self, tweet_id: int) -> None:
        """A page of followers can see it."""
        self._record(tweet_id, "push")

    def _record(self, tweet_id: int, stage: str) -> None:
        # Ids are made by other machines, whose clocks may be a little ahead.
        lag_ms = max(0, self._clock.now_ms() - time_ms(tweet_id))
        self._lag.record(lag_ms / MS_PER_S, {"stage": stage})
