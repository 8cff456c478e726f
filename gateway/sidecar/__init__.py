"""Envoy's bootstrap for the sidecar of a service, built from one frozen `SidecarConfig`.

A sidecar stands between a service and all others: it shows the service's certificate, lets in whom
the call table allows, and finds the siblings' replicas. The service itself speaks with it alone, in
plaintext, on loopback.
"""

from gateway.sidecar.bootstrap import bootstrap, to_json, to_yaml
from gateway.sidecar.config import Locality, Replica, SidecarConfig
from gateway.sidecar.deployed import deployed
from gateway.sidecar.replicas import ReplicasError, read_replicas

__all__ = [
    "Locality",
    "Replica",
    "ReplicasError",
    "SidecarConfig",
    "bootstrap",
    "deployed",
    "read_replicas",
    "to_json",
    "to_yaml",
]
