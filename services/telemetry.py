"""Logs, traces and metrics: the names of all of them, and the one place that sets them up.

Code takes its tracer, meter and logger from the OpenTelemetry API and structlog; only `configure`
knows the SDK. Without an endpoint nothing is exported, yet a caller's trace id still reaches the
logs, since the API alone carries a remote span context.
"""

import logging
import sys
from collections.abc import Callable
from typing import Final

import structlog
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

__all__ = [
    "EVENT_RPC_DRAINED",
    "EVENT_RPC_HANDLED",
    "EVENT_RPC_LISTENING",
    "EVENT_RPC_UNKNOWN_ERROR",
    "METRIC_RPC_CLIENT_DURATION",
    "METRIC_RPC_SERVER_DURATION",
    "SCOPE",
    "Telemetry",
    "configure",
]

# ---- Names. A dashboard or alert depends on each: rename one as carefully as a proto field. ----

SCOPE: Final = "aviary"
"""The instrumentation scope of every tracer and meter."""

# Spans. SERVER and CLIENT spans of an RPC share one name, `package.Service/Method`.

# Metrics.
METRIC_RPC_SERVER_DURATION: Final = "rpc.server.duration"
"""Histogram, seconds, by `rpc.method` and `rpc.code`: rate, errors, duration of what we serve."""
METRIC_RPC_CLIENT_DURATION: Final = "rpc.client.duration"
"""Histogram, seconds, by `rpc.method` and `rpc.code`: the same as our callers saw it."""

# Log events.
EVENT_RPC_HANDLED: Final = "rpc.handled"
"""The access log: one per RPC, with `method`, `code` and `duration_ms`."""
EVENT_RPC_UNKNOWN_ERROR: Final = "rpc.unknown_error"
"""A handler raised what no table knows; holds the traceback that the caller is not shown."""
EVENT_RPC_LISTENING: Final = "rpc.listening"
"""The server accepts calls at `address`."""
EVENT_RPC_DRAINED: Final = "rpc.drained"
"""The server has stopped; calls in flight ended or ran out of grace."""

# One export with its retries. It bounds `shutdown` too: a process whose collector is gone must
# still end well within its termination grace.
EXPORT_TIMEOUT_S: Final = 2
FLUSH_TIMEOUT_MS: Final = EXPORT_TIMEOUT_S * 1_000


class Telemetry:
    """What `configure` set up; `shutdown` sends what is still buffered and ends the exporters."""

    def __init__(self, closers: tuple[Callable[[], None], ...] = ()) -> None:
        self._closers = closers

    def shutdown(self) -> None:
        """Flush and stop; takes at most a few seconds. Blocks, so call it after the loop ends."""
        closers, self._closers = self._closers, ()
        for close in closers:
            close()


def configure(service_name: str, endpoint: str | None, log_level: str) -> Telemetry:
    """Set up this process's logs, and its traces and metrics when `endpoint` is given.

    `endpoint` is an OTLP gRPC collector as `http://host:port` (or https); `log_level` is a stdlib
    level name in any case. Call once, from the composition root.
    """
    _configure_logs(service_name, logging.getLevelNamesMapping()[log_level.upper()])
    if endpoint is None:
        return Telemetry()
    resource = Resource.create({SERVICE_NAME: service_name})
    # Parent-based: the edge decides once, so that a trace is whole or absent, never in pieces.
    tracer_provider = TracerProvider(
        resource=resource, sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False
    )
    tracer_provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S))
    )
    metric_exporter = OTLPMetricExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S)
    meter_provider = MeterProvider(
        metric_readers=[PeriodicExportingMetricReader(metric_exporter)],
        resource=resource,
        shutdown_on_exit=False,
    )
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)

    def close_traces() -> None:
        tracer_provider.force_flush(FLUSH_TIMEOUT_MS)
        tracer_provider.shutdown()

    def close_metrics() -> None:
        meter_provider.shutdown(timeout_millis=FLUSH_TIMEOUT_MS)

    return Telemetry((close_traces, close_metrics))


def _configure_logs(service_name: str, level: int) -> None:
    def add_service_and_trace(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["service"] = service_name
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
            event["span_id"] = trace.format_span_id(context.span_id)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service_and_trace,
        # Text, not structured frames: those would print local variables, and with them secrets.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the stdlib; they come out in the same shape on the same stream.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
