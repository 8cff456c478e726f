"""The bootstrap as a whole: one listener, a cluster for each thing behind it."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import yaml

from gateway.envoy.admin import admin
from gateway.envoy.config import EdgeConfig, process_of, public_services
from gateway.envoy.connections import connection_manager
from gateway.envoy.hardening import layered_runtime, overload_manager, watchdogs
from gateway.envoy.jwks import issuer_clusters
from gateway.envoy.kept_keys import (
    kept_keys_listener,
    key_clusters,
    keys_are_kept,
)
from gateway.envoy.key_files import key_files
from gateway.envoy.stats import admin_cluster, stats_config, stats_listener
from gateway.envoy.upstreams import (
    collector_cluster,
    identity_cluster,
    json_cluster,
    json_cluster_of,
    media_cluster,
    service_cluster,
)
from services.platform.specs import server_of

__all__ = ["bootstrap", "plain_json", "plain_yaml", "to_json", "to_yaml"]

# Bytes of one connection's read and write buffers; Envoy's 1 MiB default is too much for 64 KiB
# bodies when many clients are slow.
CONNECTION_BUFFER_BYTES = 256 * 1024


def bootstrap(config: EdgeConfig) -> dict[str, Any]:
    """Build the bootstrap. Raises `KeyError` when a public service has no backend."""
    lasting = {rpc.service for rpc in config.contracts.public if rpc.lasting}
    clusters = [
        service_cluster(
            name,
            server_of(contract).name,
            config.backends[name],
            config.certificates,
            lasting=contract in lasting,
        )
        for name, contract in public_services(config.contracts).items()
    ]
    clusters += [
        json_cluster(json_cluster_of(name), process_of(name), address, config.certificates)
        for name, address in config.json_backends.items()
    ]
    clusters += issuer_clusters(config)
    if config.identity_http is not None:
        clusters.append(identity_cluster(config.identity_http, config.certificates))
    if config.media_http is not None:
        clusters.append(media_cluster(config.media_http, config.certificates))
    clusters += key_clusters(config)
    file_listeners, file_clusters = key_files(config)
    clusters += file_clusters
    if config.otlp_collector is not None:
        clusters.append(collector_cluster(config.otlp_collector))
    listeners = [_edge_listener(config)]
    if config.stats_port is not None:
        clusters.append(admin_cluster(config.admin_socket))
        listeners.append(stats_listener(config.listen_host, config.stats_port))
    if keys_are_kept(config):
        listeners.append(kept_keys_listener(config))
    listeners += file_listeners
    return {
        "node": {"id": "aviary-edge", "cluster": "aviary-edge"},
        "admin": admin(config.admin_socket),
        "layered_runtime": layered_runtime(),
        "overload_manager": overload_manager(),
        "watchdogs": watchdogs(),
        "stats_config": stats_config(),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def _edge_listener(config: EdgeConfig) -> dict[str, Any]:
    return {
        "name": "edge",
        "address": _address(config.listen_host, config.listen_port),
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER_BYTES,
        "filter_chains": [{"filters": [connection_manager(config)]}],
    }


def to_yaml(config: EdgeConfig) -> str:
    """Render the bootstrap as YAML, the same text each time."""
    return plain_yaml(bootstrap(config))


def to_short_yaml(config: EdgeConfig) -> str:
    """Render the same as YAML in fewer bytes, for whoever takes no large file."""
    # What holds nothing else is on one line.
    return yaml.dump(
        bootstrap(config), Dumper=_ShortDumper, sort_keys=False, default_flow_style=None
    )


def to_json(config: EdgeConfig) -> str:
    """Render the same as JSON, for an Envoy that is waited for: both write and read it faster."""
    return plain_json(bootstrap(config))


def plain_yaml(document: Mapping[str, Any], width: int = 80) -> str:
    """Render a document as people read it, in lines of about so many characters."""
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, width=width)


def plain_json(document: Mapping[str, Any]) -> str:
    """Render a document in lines that can be searched."""
    return json.dumps(document, indent=1) + "\n"


class _PlainDumper(yaml.SafeDumper):
    """Writes shared values out in full, where PyYAML would write anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


class _ShortDumper(_PlainDumper):
    """Goes in by one space, where PyYAML takes no less than two as an argument."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - PyYAML's
        super().__init__(*arguments, **options)
        self.best_indent = 1


_PlainDumper.add_multi_representer(StrEnum, lambda dumper, name: dumper.represent_str(str(name)))


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
