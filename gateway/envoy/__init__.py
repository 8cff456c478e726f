"""Envoy's bootstrap, built from one frozen `EdgeConfig`.

The edge turns REST into gRPC from the `google.api.http` annotations in the descriptor set, and
takes gRPC and gRPC-Web too. Only RPCs that state who may call them from outside have a route.
"""

from gateway.envoy.bootstrap import bootstrap, to_json, to_short_yaml, to_yaml
from gateway.envoy.config import (
    DEFAULT_STATS_PORT,
    EdgeConfig,
    backends_at,
    json_backends_at,
    own_contracts,
    process_of,
    public_services,
)
from gateway.envoy.cors import checked_origins
from gateway.envoy.generated import GENERATED, SOURCE_TREE, WEB_CLIENT

__all__ = [
    "DEFAULT_STATS_PORT",
    "GENERATED",
    "SOURCE_TREE",
    "WEB_CLIENT",
    "EdgeConfig",
    "backends_at",
    "bootstrap",
    "checked_origins",
    "json_backends_at",
    "own_contracts",
    "process_of",
    "public_services",
    "to_json",
    "to_short_yaml",
    "to_yaml",
]
