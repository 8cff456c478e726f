"""What the call table means to a sidecar: who may call its service, and whom its service calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from google.protobuf.descriptor import ServiceDescriptor

from gateway.envoy.contracts import Contracts
from gateway.envoy.own_rpcs import ENVOY_RPCS
from services.platform.rpc.channels import safe_paths
from services.platform.security.call_table import (
    CALLS,
    REFLECTION,
    REFLECTION_PEERS,
    allowed_peers,
)
from services.platform.security.identities import EDGE, GATEWAY
from services.platform.specs import all_specs, server_of

__all__ = ["ENVOY_PREFIX", "HEALTH_PREFIX", "allowed", "called", "package_prefix", "repeatable"]

ENVOY_PREFIX = "/envoy.service."
HEALTH_PREFIX = "/grpc.health.v1.Health/"


def package_prefix(service: str) -> str:
    """Return how the paths of all RPCs begin that a service's siblings may call."""
    return f"/aviary.{service}.v1."


def allowed(service: str, contracts: Contracts) -> Mapping[str, Sequence[str]]:
    """Return, for each peer's name, the paths that it may call of this service; both in order."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for descriptor in _descriptors(service, contracts):
        for method in descriptor.methods:
            for peer in allowed_peers(method):
                found[peer].add(f"/{descriptor.full_name}/{method.name}")
    if service == GATEWAY:
        found[EDGE].update(f"/{name}" for name in ENVOY_RPCS)
    for peer in REFLECTION_PEERS:
        found[peer].add(f"/{REFLECTION}")
    return {peer: sorted(found[peer]) for peer in sorted(found)}


def called(service: str) -> Sequence[str]:
    """Return the siblings that a service calls, in order; the gateway asks all for their health."""
    if service == GATEWAY:
        return sorted(set(all_specs()) - {GATEWAY})
    return sorted({server_of(name).name for name in CALLS.get(service, ())})


def repeatable(service: str, sibling: str, contracts: Contracts) -> Sequence[str]:
    """Return the paths that `service` may call of `sibling` and that may be called twice, in order.

    Their contracts say so, by `idempotency_level`.
    """
    mine = {f"/{name}" for name in CALLS.get(service, ())}
    return sorted(mine.intersection(safe_paths(_descriptors(sibling, contracts))))


def _descriptors(service: str, contracts: Contracts) -> Sequence[ServiceDescriptor]:
    declared = all_specs()[service].contracts
    known = [name for name in contracts.all_services if name in declared]
    return [contracts.pool.FindServiceByName(name) for name in known]
