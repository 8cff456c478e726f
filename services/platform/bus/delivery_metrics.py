"""What became of deliveries, as metrics by subscription and outcome."""

import time
from collections.abc import Callable
from enum import StrEnum

from opentelemetry import metrics

from services.platform.bus.port import Received
from services.platform.observability.histograms import duration_histogram, histogram
from services.platform.observability.names import (
    METRIC_BUS_HANDLER_DURATION,
    METRIC_BUS_MESSAGE_AGE,
    METRIC_BUS_MESSAGE_ATTEMPTS,
)
from services.platform.runtime.clock import Clock

__all__ = ["DeliveryMetrics", "Ended", "Outcome"]

ATTEMPT_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Up to twice the attempts that a message gets."""
MS_PER_S = 1_000


class Outcome(StrEnum):
    """How one attempt ended."""

    ACKED = "acked"
    RETRIED = "retried"
    OUTAGE = "outage"
    """Something else was out of order: it comes again, and no attempt was counted."""
    CALLED_AGAIN = "called-again"
    """The handler asked to be called again: no attempt was counted, and nothing was wrong."""
    HELD = "held"
    """It was to be given up, unhandled, and so many are that it may not be their fault."""
    DEAD_LETTERED = "dead-lettered"


Ended = Callable[[Outcome], None]
"""Records the end of the attempt that it was made for."""


class DeliveryMetrics:
    """Age, attempts and handler duration of one subscription's deliveries."""

    def __init__(
        self,
        subscription: str,
        clock: Clock,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._labels = {
            each: {"subscription": subscription, "outcome": each.value} for each in Outcome
        }
        self._clock = clock
        self._age = duration_histogram(METRIC_BUS_MESSAGE_AGE, meter_provider)
        self._attempts = histogram(
            METRIC_BUS_MESSAGE_ATTEMPTS, meter_provider, unit="{attempt}", bounds=ATTEMPT_BUCKETS
        )
        self._duration = duration_histogram(METRIC_BUS_HANDLER_DURATION, meter_provider)

    def begin(self, received: Received) -> Ended:
        """Begin to time an attempt; the caller calls what it gets when it knows the outcome."""
        began_s = time.perf_counter()

        def ended(outcome: Outcome) -> None:
            labels = self._labels[outcome]
            self._duration.record(time.perf_counter() - began_s, labels)
            self._attempts.record(received.attempt, labels)
            if received.published_ms is not None:
                # The bus has a clock of its own.
                age_ms = max(0, self._clock.now_ms() - received.published_ms)
                self._age.record(age_ms / MS_PER_S, labels)

        return ended
