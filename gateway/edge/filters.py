"""What happens to a request between its arrival and its route, in order."""

from typing import Any

from gateway.edge.config import PUBLIC_SERVICES, EdgeConfig
from gateway.edge.extensions import http_filter

__all__ = ["MAX_BODY_BYTES", "http_filters"]

# Every proto package starts so, hence every raw gRPC path too.
RAW_GRPC_PREFIX = "/aviary."
# The largest legal request is a tweet: 280 characters and some ids. 64 KiB is ample, and small
# enough that buffering it costs nothing.
MAX_BODY_BYTES = 64 * 1024


def http_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the chain; the first filter sees a request first, and an answer last."""
    return [
        _deny_raw_grpc(),  # before the transcoder: it rewrites REST paths to these very paths
        _body_limit(),
        _transcoder(config.descriptor_path),
        _rpc_stats(),  # after the transcoder: it counts RPCs by their gRPC status
        http_filter("router", "Router"),
    ]


def _deny_raw_grpc() -> dict[str, Any]:
    raw = {"url_path": {"path": {"prefix": RAW_GRPC_PREFIX, "ignore_case": True}}}
    policy = {"permissions": [raw], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"raw-grpc": policy}}
    return http_filter("rbac", "RBAC", rules=rules)


def _body_limit() -> dict[str, Any]:
    return http_filter("buffer", "Buffer", max_request_bytes=MAX_BODY_BYTES)


def _transcoder(descriptor_path: str) -> dict[str, Any]:
    return http_filter(
        "grpc_json_transcoder",
        "GrpcJsonTranscoder",
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


def _rpc_stats() -> dict[str, Any]:
    # Each public RPC's answers by gRPC status, and its time: what the edge's SLOs are reckoned of.
    # HTTP status would not do, as a failed RPC is a 200 until it is transcoded.
    return http_filter(
        "grpc_stats",
        "FilterConfig",
        # Nothing but what the route table names comes this far, so the RPCs are few.
        stats_for_all_methods=True,
        enable_upstream_stats=True,
        replace_dots_in_grpc_service_name=True,
    )
