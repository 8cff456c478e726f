"""The edge's figures for Prometheus, without the rest of Envoy's admin interface.

Admin can stop Envoy and show its configuration, so it is a socket of the owner's; a listener passes
one of its paths on.
"""

from typing import Any

from gateway.envoy.admin import pipe
from gateway.envoy.extensions import API, http_filter, typed

__all__ = ["HISTOGRAM_BUCKETS_MS", "admin_cluster", "stats_config", "stats_listener"]

ADMIN_CLUSTER = "admin"
METRICS_PATH = "/metrics"
ADMIN_PATH = "/stats/prometheus"
# Milliseconds. The limits of the SLOs (200, 300 and 500) must be among them, since a share of
# requests below a limit can only be read at a bucket's edge.
HISTOGRAM_BUCKETS_MS = (1, 2.5, 5, 10, 25, 50, 100, 200, 300, 500, 1000, 2500, 5000, 10000)
# Admin answers from memory.
TIMEOUT = "5s"


def stats_config() -> dict[str, Any]:
    """Give the bootstrap's `stats_config`: one set of buckets for every histogram."""
    everything = {"match": {"safe_regex": {"regex": ".*"}}, "buckets": list(HISTOGRAM_BUCKETS_MS)}
    return {"histogram_bucket_settings": [everything]}


def stats_listener(host: str, port: int) -> dict[str, Any]:
    """Build the listener that answers `GET /metrics` and nothing else."""
    only_get = {"name": ":method", "string_match": {"exact": "GET"}}
    route = {
        "match": {"path": METRICS_PATH, "headers": [only_get]},
        "route": {"cluster": ADMIN_CLUSTER, "prefix_rewrite": ADMIN_PATH, "timeout": TIMEOUT},
    }
    manager = f"{API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    filters = [
        {
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": typed(
                manager,
                stat_prefix="stats",
                route_config={
                    "virtual_hosts": [{"name": "stats", "domains": ["*"], "routes": [route]}]
                },
                http_filters=[http_filter("router", "Router")],
            ),
        }
    ]
    return {
        "name": "stats",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [{"filters": filters}],
    }


def admin_cluster(admin_socket: str) -> dict[str, Any]:
    """Build the cluster of Envoy's own admin interface."""
    endpoint = {"address": pipe(admin_socket)}
    return {
        "name": ADMIN_CLUSTER,
        "type": "STATIC",
        "connect_timeout": TIMEOUT,
        "load_assignment": {
            "cluster_name": ADMIN_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
