"""Sets up logs, traces and metrics: with `histograms`, all that knows the OpenTelemetry SDK.

Without an endpoint nothing is exported, yet a caller's trace id still reaches the logs, since the
API alone carries a remote span context.
"""

import logging
import sys
from collections.abc import Callable
from typing import Final

import structlog
from opentelemetry import metrics, trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource

from services.platform.observability.flood_filter import FloodFilter
from services.platform.observability.histograms import CountingMeterProvider, CountsRead
from services.platform.observability.output import protect_output
from services.platform.observability.process_metrics import observe_build
from services.platform.observability.prometheus_endpoint import PrometheusEndpoint
from services.platform.observability.request_id import REQUEST_ID
from services.platform.observability.version import aviary_version

__all__ = ["SECONDS_BUCKETS", "Telemetry", "configure"]

# Seconds. From a hot read (1 ms) to a message that waited out an outage of an hour; the SDK's own
# buckets are meant for milliseconds. The limits of the SLOs (0.2, 0.3, 0.5 and 5) are among them.
SECONDS_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0),
)
# One export with its retries. It bounds `shutdown` too: a process whose collector is gone must
# still end well within its termination grace.
EXPORT_TIMEOUT_S: Final = 2


class Telemetry:
    """What `configure` set up; `shutdown` sends what is still buffered and ends the exporters."""

    def __init__(self, closers: tuple[Callable[[], None], ...] = ()) -> None:
        self._closers = closers

    def shutdown(self) -> None:
        """Flush and stop; takes at most a few seconds. Blocks, so call it after the loop ends."""
        closers, self._closers = self._closers, ()
        for close in closers:
            close()


def configure(
    service_name: str,
    endpoint: str | None,
    log_level: str,
    *,
    metrics_address: str | None = None,
    trace_percent: int = 100,
) -> Telemetry:
    """Set up this process's logs; its traces and metrics as far as somebody is to have them.

    `endpoint` is an OTLP gRPC collector as `http://host:port` (or https): traces and metrics go
    there; of the traces that begin in this process, `trace_percent` in a hundred. At
    `metrics_address` (`host:port`) Prometheus can fetch the metrics; raises `OSError` when it is
    taken. What cannot be logged, or printed, is dropped and counted. `log_level` is a stdlib level
    name in any case. Call once, from the composition root.
    """
    protect_output(service_name)
    _configure_logs(service_name, logging.getLevelNamesMapping()[log_level.upper()])
    resource = Resource.create({SERVICE_NAME: service_name, SERVICE_VERSION: aviary_version()})
    closers: list[Callable[[], None]] = []
    readers: list[CountsRead] = []
    if endpoint is not None:
        # Imported only where it is used: it takes a tenth of a process's start.
        from services.platform.observability import otlp  # noqa: PLC0415

        closers.append(otlp.export_traces(endpoint, resource, trace_percent, EXPORT_TIMEOUT_S))
        readers.append(otlp.metric_reader(endpoint, EXPORT_TIMEOUT_S))
    if metrics_address is not None:
        prometheus = PrometheusEndpoint(metrics_address)
        readers.append(prometheus.reader)
        closers.append(prometheus.close)
    if readers:
        closers.append(_record_metrics(readers, resource))
        observe_build()
    return Telemetry(tuple(closers))


def _record_metrics(readers: list[CountsRead], resource: Resource) -> Callable[[], None]:
    provider = CountingMeterProvider(readers, resource, SECONDS_BUCKETS, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)

    def close() -> None:
        provider.shutdown(timeout_millis=EXPORT_TIMEOUT_S * 1_000)

    return close


def _is_no_odd_header(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid encoding on")


def _configure_logs(service_name: str, level: int) -> None:
    def add_service_and_request(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["service"] = service_name
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
            event["span_id"] = trace.format_span_id(context.span_id)
        if request_id := REQUEST_ID.get():
            event["request_id"] = request_id
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service_and_request,
        # Text, not structured frames: those would print local variables, and with them secrets.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # gRPC logs a traceback, twice, for each header that is not UTF-8: whoever calls could fill the
    # log. The call is served; the value is read as Latin-1.
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_no_odd_header)
    # A line that cannot be formatted is a slip in the code, and no reason for a second trouble.
    logging.raiseExceptions = False
    # Libraries log through the stdlib; they come out in the same shape on the same stream.
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(FloodFilter())
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
