"""The side by which the service reaches its siblings."""

from collections.abc import Iterator
from typing import Any

from gateway.envoy.retries import other_process
from gateway.envoy.upstreams import socket_address
from gateway.sidecar.calls import HEALTH_PREFIX, called, package_prefix, repeatable
from gateway.sidecar.config import SidecarConfig
from gateway.sidecar.connections import connection_manager, lasting
from services.platform.rpc.retries import FIRST_BACKOFF_S, MAX_ATTEMPTS, MAX_BACKOFF_S
from services.platform.security.identities import GATEWAY, server_name
from services.platform.security.signing import SIGNATURE_KEY

__all__ = ["outbound_listener"]

# What was never begun cannot be done twice.
NEVER_BEGUN = "connect-failure,refused-stream"
# What may have been begun and is harmless to repeat. `cancelled` is how a server answers what
# reaches it while it is being stopped.
BEGUN = f"{NEVER_BEGUN},reset,unavailable,cancelled"
NUM_RETRIES = MAX_ATTEMPTS - 1
FIRST_BACKOFF = f"{FIRST_BACKOFF_S:.3f}s"
MAX_BACKOFF = f"{MAX_BACKOFF_S:.3f}s"


def outbound_listener(config: SidecarConfig) -> dict[str, Any]:
    """Build the listener: plaintext, and for the service's own process."""
    routes = [route for sibling in called(config.service) for route in _routes(config, sibling)]
    return {
        "name": "outbound",
        "traffic_direction": "OUTBOUND",
        "address": socket_address(config.outbound),
        "filter_chains": [{"filters": [connection_manager(config, "outbound", routes)]}],
    }


def _routes(config: SidecarConfig, sibling: str) -> Iterator[dict[str, Any]]:
    for path in repeatable(config.service, sibling, config.contracts):
        # A signed request repeated would be a replay: its sender signs anew, and so retries itself.
        unsigned = {"name": SIGNATURE_KEY, "present_match": False}
        yield _route({"path": path, "headers": [unsigned]}, sibling, BEGUN)
    yield _route({"prefix": package_prefix(sibling)}, sibling, NEVER_BEGUN)
    if config.service == GATEWAY:
        # Health has the same path everywhere; the authority says whose is meant.
        meant = {"name": ":authority", "string_match": {"exact": server_name(sibling)}}
        yield _route({"prefix": HEALTH_PREFIX, "headers": [meant]}, sibling, NEVER_BEGUN)


def _route(match: dict[str, Any], sibling: str, retry_on: str) -> dict[str, Any]:
    return {
        "match": match,
        "route": {
            "cluster": sibling,
            **lasting(),
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": NUM_RETRIES,
                "retry_back_off": {"base_interval": FIRST_BACKOFF, "max_interval": MAX_BACKOFF},
                **other_process(),
            },
        },
    }
