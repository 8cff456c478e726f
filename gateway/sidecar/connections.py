"""What both sides of a sidecar do with connections and calls alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.observing import REQUESTS, file_log, tracing
from gateway.sidecar.config import SidecarConfig

__all__ = ["connection_manager", "lasting"]

# A server ends a call without a deadline after 5 s, a stream after 60 s, and says so itself; this
# is for one that no longer can.
LONGEST_CALL = "70s"
# By then the other end shows its certificate anew: whoever may no longer connect is gone. As
# servers do that have no sidecar.
CONNECTION_AGE = "3600s"
# The access log holds what went wrong; each request as such is in the edge's.
LOGGED = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "UNAUTHENTICATED",
]

DENIED = ["PERMISSION_DENIED"]


def connection_manager(
    config: SidecarConfig,
    side: str,
    routes: Sequence[Mapping[str, Any]],
    filters: Sequence[Mapping[str, Any]] = (),
    **settings: object,
) -> dict[str, Any]:
    """Build the network filter of one side: gRPC only, and headers as they came."""
    if config.otlp_collector is not None:
        settings["tracing"] = _continued(f"{config.service}-sidecar {side}")
    manager = f"{API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(
            manager,
            stat_prefix=side,
            codec_type="HTTP2",
            # No peer is internal: none may steer this Envoy by headers.
            internal_address_config={"cidr_ranges": []},
            skip_xff_append=True,
            preserve_external_request_id=True,
            server_header_transformation="PASS_THROUGH",
            common_http_protocol_options={"max_connection_duration": CONNECTION_AGE},
            access_log=_logs(config),
            route_config={
                "name": side,
                "virtual_hosts": [{"name": side, "domains": ["*"], "routes": routes}],
            },
            # Its own headers would travel with every call, and nobody reads them.
            http_filters=[*filters, http_filter("router", "Router", suppress_envoy_headers=True)],
            **settings,
        ),
    }


def lasting() -> dict[str, Any]:
    """Give a route the deadline that the call came with, whatever it is."""
    return {
        "timeout": "0s",
        "max_stream_duration": {
            "max_stream_duration": LONGEST_CALL,
            "grpc_timeout_header_max": "0s",
        },
    }


def _continued(name: str) -> dict[str, Any]:
    """Record what the trace of the call records; what comes without one is a health check."""
    settings = tracing(name)
    never = _sampler("trace_id_ratio_based", "TraceIdRatioBased", sampling_percentage={})
    settings["provider"]["typed_config"]["sampler"] = _sampler(
        "parent_based", "ParentBased", wrapped_sampler=never
    )
    return settings


def _sampler(name: str, message: str, **settings: object) -> dict[str, Any]:
    extension = "tracers.opentelemetry.samplers"
    return {
        "name": f"envoy.{extension}.{name}",
        "typed_config": typed(
            f"{API}.extensions.{extension}.v3.{message}SamplerConfig", **settings
        ),
    }


def _logs(config: SidecarConfig) -> list[dict[str, Any]]:
    logs = [_of(config.access_log_path, LOGGED)]
    if config.denials_log_path is not None:
        logs.append(_of(config.denials_log_path, DENIED))
    return logs


def _of(path: str, statuses: Sequence[str]) -> dict[str, Any]:
    fields = {"grpc_status": "%GRPC_STATUS%", "caller": "%DOWNSTREAM_PEER_URI_SAN%"}
    log = file_log(path, {**REQUESTS, **fields})
    return {**log, "filter": {"grpc_status_filter": {"statuses": list(statuses)}}}
