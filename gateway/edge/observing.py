"""The edge's access log and traces."""

from typing import Any

from gateway.edge.extensions import API, typed
from gateway.edge.upstreams import COLLECTOR_CLUSTER

__all__ = ["access_log", "tracing"]


def access_log(path: str) -> dict[str, Any]:
    """Log a line of JSON for each request to the file at `path`."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            f"{API}.extensions.access_loggers.file.v3.FileAccessLog",
            path=path,
            log_format={
                "json_format": {
                    "time": "%START_TIME%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
                    "status": "%RESPONSE_CODE%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "duration_ms": "%DURATION%",
                    "cluster": "%UPSTREAM_CLUSTER%",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                    "trace_id": "%TRACE_ID%",
                }
            },
        ),
    }


def tracing(sampling_percent: float, name: str = "edge") -> dict[str, Any]:
    """Begin a trace, or continue the caller's, and export this Envoy's spans under `name`."""
    return {
        "random_sampling": {"value": sampling_percent},
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed(
                f"{API}.config.trace.v3.OpenTelemetryConfig",
                service_name=name,
                grpc_service={
                    "envoy_grpc": {"cluster_name": COLLECTOR_CLUSTER},
                    "timeout": "1s",
                },
            ),
        },
    }
