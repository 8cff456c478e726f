"""The issuer's keys as the gateway keeps them, for an edge that cannot have them of the issuer.

Envoy fetches key sets through a cluster of two: the issuer first and, while that fails its health
checks, a socket of Envoy's own. There it answers with what the gateway has sent, by a filter that
does nothing but note the key sets. So while the issuer answers, its word alone counts.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.envoy.admin import pipe
from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import API, HTTP_FILTERS, http_filter, typed
from gateway.envoy.matching import discovered_filter
from gateway.envoy.subject_labels import gateway_source
from gateway.envoy.upstreams import identity_cluster
from services.platform.tokens.issuers import APP_KEYS_PATH, JWKS_PATH, KEYS_CLUSTER

__all__ = [
    "KEPT_KEYS",
    "KEPT_KEYS_TYPE",
    "kept_keys_listener",
    "kept_keys_settings",
    "key_clusters",
    "keys_are_kept",
]

KEPT_KEYS: Final = "aviary.kept-keys"
"""The filter, and where it notes the key sets in the request's dynamic metadata."""
KEPT_KEYS_TYPE: Final = f"{HTTP_FILTERS}.set_metadata.v3.Config"

_LISTENER: Final = "kept_keys"
_FROM_ISSUER: Final = "identity_keys"
_CONNECT_TIMEOUT: Final = "1s"
# An issuer that answers is asked seldom. One that does not, and one that was never asked, is looked
# at often, since Envoy may be without keys until it answers.
_HEALTHY_INTERVAL: Final = "5s"
_UNHEALTHY_INTERVAL: Final = "1s"
_CHECK_TIMEOUT: Final = "1s"
# A slow answer now and then is no outage: what is known is good for longer than it takes to know.
_UNHEALTHY_AFTER: Final = 2
# Says that the check is not to be recorded as a trace.
_UNTRACED: Final = "00-00000000000000000000000000000001-0000000000000001-00"


def keys_are_kept(config: EdgeConfig) -> bool:
    """Whether there is an issuer whose keys the gateway keeps: ours."""
    wanted = any(issuer.is_watched for issuer in config.issuers)
    return wanted and config.identity_http is not None and not config.unauthenticated


def key_clusters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the cluster that keys are fetched through, and the two that it is made of."""
    if config.identity_http is None or not keys_are_kept(config):
        return []
    check = {
        "timeout": _CHECK_TIMEOUT,
        "interval": _HEALTHY_INTERVAL,
        "unhealthy_interval": _UNHEALTHY_INTERVAL,
        "no_traffic_interval": _UNHEALTHY_INTERVAL,
        "no_traffic_healthy_interval": _HEALTHY_INTERVAL,
        "unhealthy_threshold": _UNHEALTHY_AFTER,
        "healthy_threshold": 1,
        "http_health_check": {
            "path": JWKS_PATH,
            "request_headers_to_add": [{"header": {"key": "traceparent", "value": _UNTRACED}}],
        },
    }
    # While it is not healthy it is not to be asked at all.
    asked = {"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}
    issuer = identity_cluster(config.identity_http, config.certificates)
    issuer["load_assignment"]["cluster_name"] = _FROM_ISSUER
    issuer |= {"name": _FROM_ISSUER, "health_checks": [check], **asked}
    address = pipe(_socket(config))
    kept = {
        "name": _LISTENER,
        "type": "STATIC",
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {
            "cluster_name": _LISTENER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    members = typed(
        f"{API}.extensions.clusters.aggregate.v3.ClusterConfig", clusters=[_FROM_ISSUER, _LISTENER]
    )
    both = {
        "name": KEYS_CLUSTER,
        "connect_timeout": _CONNECT_TIMEOUT,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": members},
        **asked,
    }
    return [both, issuer, kept]


def kept_keys_listener(config: EdgeConfig) -> dict[str, Any]:
    """Build the listener at a socket beside the admin interface's, so that it takes no port.

    It is no listener within Envoy, since keys are fetched by the main thread, which reaches none.
    """
    manager = f"{API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    routes = [_shown(path) for path in (JWKS_PATH, APP_KEYS_PATH)]
    filters = [
        discovered_filter(KEPT_KEYS, gateway_source(), {}, KEPT_KEYS_TYPE),
        http_filter("router", "Router"),
    ]
    settings = typed(
        manager,
        stat_prefix=_LISTENER,
        route_config={
            "virtual_hosts": [{"name": _LISTENER, "domains": ["*"], "routes": routes}],
        },
        http_filters=filters,
    )
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": settings}
    return {
        "name": _LISTENER,
        "address": pipe(_socket(config)),
        "filter_chains": [{"filters": [network]}],
    }


def kept_keys_settings(sets: Mapping[str, str]) -> dict[str, Any]:
    """Build the filter's settings: the key sets, as JSON, by the path where the issuer has them."""
    return {"metadata": [{"metadata_namespace": KEPT_KEYS, "value": dict(sets)}]} if sets else {}


def _socket(config: EdgeConfig) -> str:
    return f"{config.admin_socket}.keys"


def _shown(path: str) -> dict[str, Any]:
    # Where the gateway has said nothing it is no key set, and Envoy asks again a second later.
    said = f"%DYNAMIC_METADATA({KEPT_KEYS}:{path})%"
    answer = {"status": 200, "body_format": {"text_format_source": {"inline_string": said}}}
    return {"match": {"path": path}, "direct_response": answer}
