"""How much of the edge one connection, or all of them, may take."""

from typing import Any

from gateway.envoy.admin import only_static_runtime
from gateway.envoy.extensions import API, typed

__all__ = [
    "MAX_HEADERS",
    "MAX_REQUESTS_PER_CONNECTION",
    "connection_options",
    "layered_runtime",
    "overload_manager",
    "watchdogs",
]

# A token, a trace and some cookies are 4 KiB; the whole of it is held while it arrives.
MAX_HEADERS_KIB = 16
MAX_HEADERS = 64
# A client that opens a stream and then is silent; shorter than what a slow answer may take (10 s).
STREAM_IDLE_TIMEOUT = "30s"
# Requests under way on one HTTP/2 connection: a page opens a dozen.
MAX_STREAMS = 100
# What a stream, and a connection, may have sent that nobody has read: one body, and a few.
STREAM_WINDOW_BYTES = 64 * 1024
CONNECTION_WINDOW_BYTES = 256 * 1024
# A client that is gone is noticed within half a minute.
PING_INTERVAL = "20s"
PING_TIMEOUT = "10s"
# A connection has to be opened anew now and then, so that its bounds count for something and edges
# can be drained.
MAX_REQUESTS_PER_CONNECTION = 10_000
# Open connections of one edge; about 30 KiB each when idle.
MAX_CONNECTIONS = 20_000
# Rapid reset (CVE-2023-44487): of this many streams of a connection, half may be given up within a
# second of their start; a client that does worse is cut off.
RESETS_LOOKED_AT = 200
RESET_WITHIN_S = 1
# Streams of one connection that are begun before other connections get their turn.
REQUESTS_PER_TURN = 10
# Bytes. Rather refuse than be killed for memory in the middle of everybody's requests.
MAX_HEAP_BYTES = 2 * 1024**3
# Envoy counts threads that are silent for so long, and does no more about it. Each thread wakes
# twice in the shorter time to show that it lives, by default ten times a second.
WATCHDOG_MISS = "2s"
WATCHDOG_MEGAMISS = "10s"
SHRINK_AT = 0.90
REFUSE_AT = 0.95


def connection_options() -> dict[str, Any]:
    """Build the connection manager's bounds."""
    return {
        "max_request_headers_kb": MAX_HEADERS_KIB,
        "stream_idle_timeout": STREAM_IDLE_TIMEOUT,
        "http2_protocol_options": {
            "max_concurrent_streams": MAX_STREAMS,
            "initial_stream_window_size": STREAM_WINDOW_BYTES,
            "initial_connection_window_size": CONNECTION_WINDOW_BYTES,
            "connection_keepalive": {"interval": PING_INTERVAL, "timeout": PING_TIMEOUT},
        },
    }


def layered_runtime() -> dict[str, Any]:
    """Build the runtime values that have no field of their own."""
    return only_static_runtime(
        {
            "overload.premature_reset_total_stream_count": RESETS_LOOKED_AT,
            "overload.premature_reset_min_stream_lifetime_seconds": RESET_WITHIN_S,
            "http.max_requests_per_io_cycle": REQUESTS_PER_TURN,
        }
    )


def overload_manager() -> dict[str, Any]:
    """Build what the edge does when it is full."""
    return {
        "resource_monitors": [
            _monitor(
                "global_downstream_max_connections",
                "downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=MAX_CONNECTIONS,
            ),
            _monitor(
                "fixed_heap", "fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=MAX_HEAP_BYTES
            ),
        ],
        "actions": [
            _action("shrink_heap", SHRINK_AT),
            _action("stop_accepting_requests", REFUSE_AT),
        ],
    }


def watchdogs() -> dict[str, Any]:
    """Build when a thread of the edge counts as hung."""
    each = {"miss_timeout": WATCHDOG_MISS, "megamiss_timeout": WATCHDOG_MEGAMISS}
    return {"main_thread_watchdog": each, "worker_watchdog": each}


def _monitor(name: str, message: str, **settings: int) -> dict[str, Any]:
    return {
        "name": f"envoy.resource_monitors.{name}",
        "typed_config": typed(f"{API}.extensions.resource_monitors.{message}", **settings),
    }


def _action(name: str, at: float) -> dict[str, Any]:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": at}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}
