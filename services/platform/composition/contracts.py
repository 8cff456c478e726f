"""The contracts of siblings, as far as this process has their code."""

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from services.platform.specs import ServiceSpec

__all__ = ["known_contracts"]


def known_contracts(spec: ServiceSpec) -> list[ServiceDescriptor]:
    """Return those of the service that this process knows: whoever calls one has imported it."""
    pool, found = descriptor_pool.Default(), []
    for name in spec.contracts:
        try:
            found.append(pool.FindServiceByName(name))
        except KeyError:
            continue
    return found
