"""Envoy's bootstrap, built from one frozen `EdgeConfig`.

The edge turns REST into gRPC from the `google.api.http` annotations in the descriptor set. Only
annotated RPCs can be reached: a raw gRPC path from outside is refused before transcoding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from gateway.local_replies import local_reply_config
from gateway.upstreams import (
    COLLECTOR_CLUSTER,
    REQUEST_TIMEOUT,
    collector_cluster,
    service_cluster,
)

__all__ = [
    "DEFAULT_PORTS",
    "MAX_BODY_BYTES",
    "PUBLIC_SERVICES",
    "EdgeConfig",
    "bootstrap",
    "to_yaml",
]

# Where each service listens when nobody says otherwise.
DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "user": 50051,
    "id": 50052,
    "tweet": 50053,
    "graph": 50054,
    "fanout": 50055,
    "timeline": 50056,
    "gateway": 50057,
}

# The services with annotated RPCs, by the short name of the backend that serves each.
PUBLIC_SERVICES: Final[Mapping[str, str]] = {
    "user": "aviary.user.v1.UserService",
    "tweet": "aviary.tweet.v1.TweetService",
    "graph": "aviary.graph.v1.GraphService",
    "timeline": "aviary.timeline.v1.TimelineService",
    "gateway": "aviary.gateway.v1.HealthService",
}

# Every proto package starts so, hence every raw gRPC path too.
RAW_GRPC_PREFIX = "/aviary."
# The largest legal request is a tweet: 280 characters and some ids. 64 KiB is ample, and small
# enough that buffering it costs nothing.
MAX_BODY_BYTES = 64 * 1024
# A client that sends its headers or body slower than this holds a connection for nothing.
CLIENT_TIMEOUT = "15s"
IDLE_TIMEOUT = "300s"
# Bytes of one connection's read and write buffers; Envoy's 1 MiB default is too much for 64 KiB
# bodies when many clients are slow.
CONNECTION_BUFFER_BYTES = 256 * 1024
# Clients must not set what Envoy or the services trust.
STRIPPED_PREFIX = "x-envoy-"
STRIPPED_HEADER = "x-user-id"

_API = "type.googleapis.com/envoy"
_FILTERS = f"{_API}.extensions.filters"


def _default_backends() -> dict[str, str]:
    return {name: f"127.0.0.1:{DEFAULT_PORTS[name]}" for name in PUBLIC_SERVICES}


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What varies between edges. Port 0 lets the system choose; paths are as Envoy sees them."""

    listen_port: int = 8080
    listen_host: str = "127.0.0.1"
    admin_port: int = 9901
    # Short name to host:port; every public service must be here, others are ignored.
    backends: Mapping[str, str] = field(default_factory=_default_backends)
    descriptor_path: str = "gen/descriptor.pb"
    # host:port of an OTLP gRPC collector; no tracing without one.
    otlp_collector: str | None = None
    sampling_percent: float = 100.0
    access_log_path: str = "/dev/stdout"


def bootstrap(config: EdgeConfig) -> dict[str, Any]:
    """Build the bootstrap. Raises `KeyError` when a public service has no backend."""
    clusters = [service_cluster(name, config.backends[name]) for name in PUBLIC_SERVICES]
    if config.otlp_collector is not None:
        clusters.append(collector_cluster(config.otlp_collector))
    return {
        "node": {"id": "aviary-edge", "cluster": "aviary-edge"},
        "admin": {"address": _address("127.0.0.1", config.admin_port)},
        "static_resources": {
            "listeners": [
                {
                    "name": "edge",
                    "address": _address(config.listen_host, config.listen_port),
                    "per_connection_buffer_limit_bytes": CONNECTION_BUFFER_BYTES,
                    "filter_chains": [{"filters": [_connection_manager(config)]}],
                }
            ],
            "clusters": clusters,
        },
    }


def to_yaml(config: EdgeConfig) -> str:
    """Render the bootstrap as YAML, the same text each time."""
    return yaml.dump(bootstrap(config), Dumper=_PlainDumper, sort_keys=False)


class _PlainDumper(yaml.SafeDumper):
    """Writes shared values out in full, where PyYAML would write anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _connection_manager(config: EdgeConfig) -> dict[str, Any]:
    manager: dict[str, Any] = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "codec_type": "AUTO",
        "use_remote_address": True,
        # No client is internal, so that Envoy cleans everyone's headers.
        "internal_address_config": {"cidr_ranges": []},
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": IDLE_TIMEOUT,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "request_timeout": CLIENT_TIMEOUT,
        "request_headers_timeout": CLIENT_TIMEOUT,
        "early_header_mutation_extensions": [_header_cleaning()],
        "access_log": [_access_log(config.access_log_path)],
        "local_reply_config": local_reply_config(),
        "route_config": _routes(),
        "http_filters": [
            _deny_raw_grpc(),
            _body_limit(),
            _transcoder(config.descriptor_path),
            _filter("router", f"{_FILTERS}.http.router.v3.Router"),
        ],
    }
    if config.otlp_collector is not None:
        manager["tracing"] = _tracing(config.sampling_percent)
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _filter(name: str, type_url: str, **settings: object) -> dict[str, Any]:
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": type_url, **settings}}


def _header_cleaning() -> dict[str, Any]:
    extension = "http.early_header_mutation.header_mutation"
    return {
        "name": f"envoy.{extension}",
        "typed_config": {
            "@type": f"{_API}.extensions.{extension}.v3.HeaderMutation",
            "mutations": [
                {"remove": STRIPPED_HEADER},
                {"remove_on_match": {"key_matcher": {"prefix": STRIPPED_PREFIX}}},
            ],
        },
    }


def _deny_raw_grpc() -> dict[str, Any]:
    # Before the transcoder: it rewrites REST paths to these very paths for the router.
    raw = {"url_path": {"path": {"prefix": RAW_GRPC_PREFIX, "ignore_case": True}}}
    policy = {"permissions": [raw], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"raw-grpc": policy}}
    return _filter("rbac", f"{_FILTERS}.http.rbac.v3.RBAC", rules=rules)


def _body_limit() -> dict[str, Any]:
    return _filter("buffer", f"{_FILTERS}.http.buffer.v3.Buffer", max_request_bytes=MAX_BODY_BYTES)


def _transcoder(descriptor_path: str) -> dict[str, Any]:
    return _filter(
        "grpc_json_transcoder",
        f"{_FILTERS}.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=descriptor_path,
        services=list(PUBLIC_SERVICES.values()),
        convert_grpc_status=True,
        # A reader of an empty timeline wants `"tweets": []`, not a missing field.
        print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
        },
    )


def _routes() -> dict[str, Any]:
    # The transcoder has rewritten the path by the time these are matched.
    routes = [
        {
            "match": {"prefix": f"/{service}/"},
            "route": {
                "cluster": name,
                "timeout": REQUEST_TIMEOUT,
                # None of these was begun, so a second try cannot do anything twice: a server that
                # is told to stop answers `cancelled` to what reaches it in that moment.
                "retry_policy": {
                    "retry_on": "connect-failure,refused-stream,cancelled",
                    "num_retries": 2,
                },
            },
        }
        for name, service in PUBLIC_SERVICES.items()
    ]
    return {
        "name": "edge",
        "virtual_hosts": [{"name": "edge", "domains": ["*"], "routes": routes}],
    }


def _access_log(path: str) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_API}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {
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
        },
    }


def _tracing(sampling_percent: float) -> dict[str, Any]:
    return {
        "random_sampling": {"value": sampling_percent},
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": f"{_API}.config.trace.v3.OpenTelemetryConfig",
                "service_name": "edge",
                "grpc_service": {
                    "envoy_grpc": {"cluster_name": COLLECTOR_CLUSTER},
                    "timeout": "1s",
                },
            },
        },
    }
