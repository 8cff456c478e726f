"""Which process may call which RPC, by the name in its certificate. Whatever is not here is denied.

- Health checks: everybody with a certificate, as whoever may call must be able to find out whether
  it can. They are answered by gRPC's own servicer and pass no table.
- The edge: the RPCs whose contract states `aviary.edge.v1.access`, those that give the JSON of one
  of them, and no list of them here.
- All else: what services declare that they call, as `package.Service/Method`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aviary.edge.v1 import access_pb2
from google.protobuf.descriptor import MethodDescriptor

from services.platform.security.identities import EDGE, GATEWAY, OPERATOR
from services.platform.specs import all_specs

__all__ = ["CALLS", "OPERATED", "REFLECTION", "REFLECTION_PEERS", "allowed_peers"]

CALLS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        **{spec.name: frozenset(spec.calls) for spec in all_specs().values() if spec.calls},
        OPERATOR: frozenset(call for spec in all_specs().values() for call in spec.operator_calls),
    }
)
"""Peer to what it calls, as services declare it."""

OPERATED: Final = frozenset(
    contract for spec in all_specs().values() if spec.is_operated for contract in spec.contracts
)
"""Contracts that are for operators and nobody else, whole: an RPC that joins one is theirs too."""

REFLECTION: Final = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
REFLECTION_PEERS: Final = frozenset({GATEWAY, OPERATOR})
"""The gateway compares contracts; operators explore them."""


def allowed_peers(method: MethodDescriptor) -> frozenset[str]:
    """Return the names of the processes that may call an RPC."""
    service = method.containing_service.full_name
    name = f"{service}/{method.name}"
    peers = {peer for peer, calls in CALLS.items() if name in calls}
    options = method.GetOptions()
    if options.HasExtension(access_pb2.access) or options.HasExtension(access_pb2.json_of):
        peers.add(EDGE)
    if service in OPERATED:
        peers.add(OPERATOR)
    return frozenset(peers)
