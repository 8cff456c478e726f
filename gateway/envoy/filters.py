"""What happens to a request between its arrival and its route, in order."""

from typing import Any

from gateway.envoy.answers import answer_filters
from gateway.envoy.auth import auth_filters
from gateway.envoy.bodies import json_filters
from gateway.envoy.config import EdgeConfig
from gateway.envoy.created import created_filter
from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.head import head_filter
from gateway.envoy.limits import arrival_limits, endpoint_limits
from gateway.envoy.not_modified import not_modified_filter
from gateway.envoy.public_reads import public_read_filters
from gateway.envoy.schemes import scheme_filter
from gateway.envoy.signals import answer_notes
from gateway.envoy.waf import body_rules, firewall
from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES

__all__ = ["MAX_BODY_BYTES", "http_filters"]

# The largest legal request is a tweet: 280 characters and some ids. 64 KiB is ample, and small
# enough that buffering it costs nothing. Services take as much of a message.
MAX_BODY_BYTES = MAX_REQUEST_BYTES
# Of an answer, which the transcoder holds whole. Two hundred tweets with long links in them are
# larger than what a connection may hold, which it would go by otherwise.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
# Below one packet nothing is won.
MIN_COMPRESSED_BYTES = 1024
# The API's answers, its page, and the web client.
COMPRESSED_TYPES = ("application/json", "text/html", "text/css", "text/javascript", "image/svg+xml")


def http_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the chain; the first filter sees a request first, and an answer last."""
    return [
        *answer_filters(config),  # first: they see answers last, and all of them
        http_filter("cors", "Cors"),  # browsers ask before they send a token or a body
        head_filter(),  # behind it all is GET; takes the body away as the others left it
        created_filter(),  # sees answers as those behind it left them
        not_modified_filter(),  # sees answers last: it takes away what the others made
        _compressor(),  # sees answers after the transcoder, as JSON
        http_filter("grpc_web", "GrpcWeb"),  # before the transcoder, which lets plain gRPC be
        *arrival_limits(config),  # counts whatever comes; words refusals before they are packed
        firewall(),
        scheme_filter(),  # behind the firewall, so that there is one credential at most
        http_filter("header_mutation", "HeaderMutation"),  # does what routes of REST ask for
        _body_limit(),  # has a body whole, and its length known, before the next see any of it
        body_rules(),
        *json_filters(),
        answer_notes(),  # sees answers before all who show them
        _transcoder(config),
        _rpc_stats(),  # after the transcoder: it counts RPCs by their gRPC status, refused ones too
        *auth_filters(config),  # behind it: rules are by RPC, whatever the URL looked like
        *public_read_filters(config),
        *endpoint_limits(config),  # behind them all: there the RPC and its subjects are known
        http_filter("router", "Router"),
    ]


def _compressor() -> dict[str, Any]:
    library = typed(
        f"{API}.extensions.compression.gzip.compressor.v3.Gzip", compression_level="BEST_SPEED"
    )
    return http_filter(
        "compressor",
        "Compressor",
        response_direction_config={
            "common_config": {
                "min_content_length": MIN_COMPRESSED_BYTES,
                # gRPC has a compression of its own.
                "content_type_matcher": [{"prefix": each} for each in COMPRESSED_TYPES],
            },
            "weaken_etag_on_compress": True,
        },
        compressor_library={"name": "gzip", "typed_config": library},
    )


def _body_limit() -> dict[str, Any]:
    return http_filter("buffer", "Buffer", max_request_bytes=MAX_BODY_BYTES)


def _transcoder(config: EdgeConfig) -> dict[str, Any]:
    return http_filter(
        "grpc_json_transcoder",
        "GrpcJsonTranscoder",
        proto_descriptor=config.descriptor_path,
        services=list(config.contracts.services),
        convert_grpc_status=True,
        max_response_body_size=MAX_ANSWER_BYTES,
        # A reader of an empty timeline wants `"tweets": []`, not a missing field.
        print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            # A field is in the path or in the body, never in both.
            "reject_binding_body_field_collisions": True,
        },
    )


def _rpc_stats() -> dict[str, Any]:
    # Each public RPC's answers by gRPC status, and its time: what the edge's SLOs are reckoned of.
    # HTTP status would not do, as a failed RPC is a 200 until it is transcoded.
    return http_filter(
        "grpc_stats",
        "FilterConfig",
        # Those with a route, that is: a path that somebody makes up has no cluster to be counted
        # for. (Named one by one, services keep their dots, and Prometheus gets no labels of them.)
        stats_for_all_methods=True,
        enable_upstream_stats=True,
        replace_dots_in_grpc_service_name=True,
    )
