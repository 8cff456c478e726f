"""How long a tweet takes to its readers' timelines."""

from opentelemetry import metrics

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_FANOUT_LAG, METRIC_FANOUT_PLANNED, SCOPE
from services.platform.runtime.clock import Clock

__all__ = ["FanoutLag"]

MS_PER_S = 1_000
_PUSHED = {True: {"pushed": "yes"}, False: {"pushed": "no"}}


class FanoutLag:
    """Records the time since a tweet was made, which is in its id, and counts what was planned."""

    def __init__(
        self, clock: Clock, *, meter_provider: metrics.MeterProvider | None = None
    ) -> None:
        self._clock = clock
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._lag = duration_histogram(METRIC_FANOUT_LAG, meter_provider)
        self._planned = meter.create_counter(METRIC_FANOUT_PLANNED, unit="{tweet}")
        # A series that begins with its first tweet would hide that from rates.
        for pushed in _PUSHED.values():
            self._planned.add(0, pushed)

    def planned(self, tweet_id: int, *, pushed: bool) -> None:
        """Jobs are queued for the first pages at least, if it is pushed at all."""
        self._planned.add(1, _PUSHED[pushed])
        if pushed:
            self._record(tweet_id, "plan")

    def pushed(self, tweet_id: int) -> None:
        """A page of followers can see it."""
        self._record(tweet_id, "push")

    def _record(self, tweet_id: int, stage: str) -> None:
        # Ids are made by other machines, whose clocks may be a little ahead.
        lag_ms = max(0, self._clock.now_ms() - time_ms(tweet_id))
        self._lag.record(lag_ms / MS_PER_S, {"stage": stage})
