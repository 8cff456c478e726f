"""The side that others reach: who they are, and whether the call table lets them call."""

from typing import Any, Final

from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.upstreams import MAX_LASTING, MAX_PENDING, cluster, socket_address, tls_settings
from gateway.sidecar.calls import ENVOY_PREFIX, HEALTH_PREFIX, allowed
from gateway.sidecar.config import SidecarConfig
from gateway.sidecar.connections import connection_manager, lasting
from services.platform.config.values import UNIX
from services.platform.security.identities import GATEWAY, spiffe_id
from services.platform.specs import server_of

__all__ = ["BEHIND", "behind_cluster", "inbound_listener"]

BEHIND: Final = "behind"
"""The cluster of the service itself."""


def inbound_listener(config: SidecarConfig) -> dict[str, Any]:
    """Build the listener: mTLS, the call table, and a header that names the peer to the service."""
    manager = connection_manager(
        config,
        "inbound",
        _routes(config),
        [_call_table(config)],
        # Whatever a peer says of its own certificate is replaced by what its certificate says.
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )
    return {
        "name": "inbound",
        "traffic_direction": "INBOUND",
        "address": socket_address(config.inbound),
        "filter_chains": [{"transport_socket": _mtls(config), "filters": [manager]}],
    }


def behind_cluster(config: SidecarConfig) -> dict[str, Any]:
    """Build the cluster of the service itself.

    Peers ask for its health, through here: a check of its own would only delay what they learn.
    """
    here = {"lb_endpoints": [{"endpoint": {"address": socket_address(config.behind)}}]}
    most = max(config.max_requests, MAX_LASTING) if _lasting(config) else config.max_requests
    bounds = {"max_requests": most, "max_pending_requests": MAX_PENDING}
    built = cluster(BEHIND, [here]) | {"circuit_breakers": {"thresholds": [bounds]}}
    # There is no name to resolve.
    return built | {"type": "STATIC"} if config.behind.startswith(UNIX) else built


def _routes(config: SidecarConfig) -> list[dict[str, Any]]:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": BEHIND, **lasting()}}]
    # Envoy keeps its streams for as long as it lives, and says nothing for most of it; clients keep
    # theirs for as long as they stay.
    endless = {"cluster": BEHIND, "timeout": "0s", "idle_timeout": "0s"}
    if config.service == GATEWAY:
        routes.insert(0, {"match": {"prefix": ENVOY_PREFIX}, "route": endless})
    return [*({"match": {"path": path}, "route": endless} for path in _lasting(config)), *routes]


def _lasting(config: SidecarConfig) -> list[str]:
    """Give the paths of the service's RPCs whose answers last."""
    return [
        path
        for rpc in config.contracts.public
        if rpc.lasting and server_of(rpc.service).name == config.service
        for path in (rpc.path, rpc.json_path)
        if path is not None
    ]


def _mtls(config: SidecarConfig) -> dict[str, Any]:
    ours = {"san_type": "URI", "matcher": {"prefix": spiffe_id("")}}
    context = f"{API}.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            context,
            require_client_certificate=True,
            common_tls_context=tls_settings(config.service, config.certificates, ours),
        ),
    }


def _call_table(config: SidecarConfig) -> dict[str, Any]:
    policies = {
        peer: {
            "permissions": [_path("exact", path) for path in paths],
            "principals": [{"authenticated": {"principal_name": {"exact": spiffe_id(peer)}}}],
        }
        for peer, paths in allowed(config.service, config.contracts).items()
    }
    health = {
        "permissions": [_path("prefix", HEALTH_PREFIX)],
        "principals": [{"authenticated": {}}],  # whoever has a certificate
    }
    rules = {"action": "ALLOW", "policies": {**policies, "health": health}}
    return http_filter("rbac", "RBAC", rules=rules)


def _path(kind: str, path: str) -> dict[str, Any]:
    return {"url_path": {"path": {kind: path}}}
