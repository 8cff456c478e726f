"""Metrics as the SDK holds them, read in process."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

__all__ = ["Metrics"]


class Metrics:
    """A meter provider, and what its instruments have recorded."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)

    def points(self, name: str) -> dict[tuple[object, ...], Any]:
        """Data points by the values of their attributes, in order of the attributes' names."""
        data = self._reader.get_metrics_data()
        return {
            tuple(value for _, value in sorted((point.attributes or {}).items())): point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def values(self, name: str) -> dict[tuple[object, ...], float]:
        """The same for counters and gauges, as plain numbers."""
        return {labels: point.value for labels, point in self.points(name).items()}
