"""Sends traces and metrics to an OTLP collector."""

from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from services.platform.observability.histograms import CountsRead

__all__ = ["export_traces", "metric_reader"]


def export_traces(
    endpoint: str, resource: Resource, percent: int, timeout_s: int
) -> Callable[[], None]:
    """Send the process's traces, `percent` in a hundred of those that begin here.

    An export with its retries takes `timeout_s` at most. Gives what sends the rest and ends it.
    """
    # Parent-based: the edge decides once, so that a trace is whole or absent, never in pieces.
    sampler = ParentBased(TraceIdRatioBased(percent / 100))
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=timeout_s))
    )
    trace.set_tracer_provider(provider)

    def close() -> None:
        provider.force_flush(timeout_s * 1_000)
        provider.shutdown()

    return close


class _ExportingReader(CountsRead, PeriodicExportingMetricReader):
    pass


def metric_reader(endpoint: str, timeout_s: int) -> CountsRead:
    """Send the process's metrics every minute, or as OTEL_METRIC_EXPORT_INTERVAL says."""
    exporter = OTLPMetricExporter(endpoint=endpoint, timeout=timeout_s)
    return _ExportingReader(exporter)
