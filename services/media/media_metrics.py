"""The media service's own figures."""

from opentelemetry import metrics

from services.media.model import Rejection
from services.platform.observability.names import (
    METRIC_MEDIA_COLLECTED,
    METRIC_MEDIA_PROCESSED,
    SCOPE,
)

__all__ = ["MediaMetrics"]


class MediaMetrics:
    """Counts pictures by what becomes of them."""

    def __init__(self) -> None:
        meter = metrics.get_meter(SCOPE)
        self._processed = meter.create_counter(METRIC_MEDIA_PROCESSED, unit="{picture}")
        self._collected = meter.create_counter(METRIC_MEDIA_COLLECTED, unit="{picture}")
        # They are there before the first: nothing is not the same as no answer.
        for outcome in ("ready", "quarantined", *(each.value for each in Rejection)):
            self._processed.add(0, {"outcome": outcome})
        self._collected.add(0)

    def processed(self, outcome: str) -> None:
        """Count a picture that was looked at."""
        self._processed.add(1, {"outcome": outcome})

    def collected(self) -> None:
        """Count a picture that was deleted because no tweet carries it."""
        self._collected.add(1)
