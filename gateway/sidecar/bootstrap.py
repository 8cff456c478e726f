"""The bootstrap as a whole: a listener for each side, the service, and its siblings."""

from typing import Any

from gateway.envoy.admin import admin, only_static_runtime
from gateway.envoy.bootstrap import plain_json, plain_yaml
from gateway.envoy.hardening import watchdogs
from gateway.envoy.upstreams import collector_cluster
from gateway.sidecar.calls import called
from gateway.sidecar.config import SidecarConfig
from gateway.sidecar.inbound import behind_cluster, inbound_listener
from gateway.sidecar.outbound import outbound_listener
from gateway.sidecar.siblings import sibling_cluster

__all__ = ["bootstrap", "to_json", "to_yaml"]


def bootstrap(config: SidecarConfig) -> dict[str, Any]:
    """Build the bootstrap. Raises `KeyError` when a sibling that is called has no replicas.

    A service that calls nobody has no outbound side.
    """
    siblings = called(config.service)
    listeners = [inbound_listener(config)]
    clusters = [behind_cluster(config), *(sibling_cluster(config, name) for name in siblings)]
    if siblings:
        listeners.append(outbound_listener(config))
    if config.otlp_collector is not None:
        clusters.append(collector_cluster(config.otlp_collector))
    locality = {"region": config.locality.region, "zone": config.locality.zone}
    return {
        "node": {"id": config.service, "cluster": config.service, "locality": locality},
        "admin": admin(config.admin_socket),
        "layered_runtime": only_static_runtime(),
        "watchdogs": watchdogs(),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def to_yaml(config: SidecarConfig) -> str:
    """Render the bootstrap as YAML, the same text each time."""
    return plain_yaml(bootstrap(config))


def to_json(config: SidecarConfig) -> str:
    """Render the same as JSON, for a sidecar that is waited for."""
    return plain_json(bootstrap(config))
