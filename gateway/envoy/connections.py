"""How the edge takes connections and requests, before any filter sees them."""

from typing import Any

from gateway.envoy.answer_figures import answer_figures
from gateway.envoy.config import EdgeConfig
from gateway.envoy.credentials import IDENTITY_HEADERS
from gateway.envoy.extensions import API, typed
from gateway.envoy.filters import http_filters
from gateway.envoy.hardening import (
    MAX_HEADERS,
    MAX_REQUESTS_PER_CONNECTION,
    connection_options,
)
from gateway.envoy.local_replies import local_reply_config
from gateway.envoy.observing import access_logs, tracing
from gateway.envoy.routes import routes
from gateway.envoy.signals import signal_log
from services.platform.security.step_up import PROVEN_HEADER

__all__ = ["connection_manager"]

# A client that sends its headers or body slower than this holds a connection for nothing.
CLIENT_TIMEOUT = "15s"
IDLE_TIMEOUT = "300s"
# No client is internal, so that Envoy cleans everyone's headers and names everyone's address to
# services. With no range at all it would take private addresses, and this machine, for internal.
NOBODY = {"address_prefix": "255.255.255.255", "prefix_len": 32}
# Clients must not set what Envoy or the services trust.
STRIPPED_PREFIX = "x-envoy-"
# Say whether to record a request, where the edge decides that.
TRACE_HEADERS = ("traceparent", "tracestate")
ALL_PERCENT = 100


def connection_manager(config: EdgeConfig) -> dict[str, Any]:
    """Build the network filter that speaks HTTP."""
    settings: dict[str, Any] = {
        "stat_prefix": "edge",
        # HTTP/1.1, and HTTP/2 without TLS from clients that begin with it, such as gRPC's.
        "codec_type": "AUTO",
        "use_remote_address": True,
        "xff_num_trusted_hops": config.trusted_hops,
        "internal_address_config": {"cidr_ranges": [NOBODY]},
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": IDLE_TIMEOUT,
            "max_headers_count": MAX_HEADERS,
            "max_requests_per_connection": MAX_REQUESTS_PER_CONNECTION,
            # Where `_` and `-` are taken for the same, one would stand for the other.
            "headers_with_underscores_action": "DROP_HEADER",
        },
        # Old clients and health checks of balancers; such a request may come without a host.
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "aviary"},
        **connection_options(),
        "request_timeout": CLIENT_TIMEOUT,
        "request_headers_timeout": CLIENT_TIMEOUT,
        "early_header_mutation_extensions": [_header_cleaning(config)],
        "access_log": [*answer_figures(), *access_logs(config), *signal_log(config)],
        "local_reply_config": local_reply_config(),
        "route_config": routes(config),
        "http_filters": http_filters(config),
    }
    if config.otlp_collector is not None:
        settings["tracing"] = tracing(percent=config.trace_percent)
    manager = f"{API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(manager, **settings),
    }


def _header_cleaning(config: EdgeConfig) -> dict[str, Any]:
    traced = config.otlp_collector is not None and config.trace_percent < ALL_PERCENT
    removed = [*IDENTITY_HEADERS, PROVEN_HEADER, *(TRACE_HEADERS if traced else ())]
    extension = "http.early_header_mutation.header_mutation"
    return {
        "name": f"envoy.{extension}",
        "typed_config": typed(
            f"{API}.extensions.{extension}.v3.HeaderMutation",
            mutations=[
                *({"remove": name} for name in removed),
                {"remove_on_match": {"key_matcher": {"prefix": STRIPPED_PREFIX}}},
            ],
        ),
    }
