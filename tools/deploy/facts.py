"""What the code says of each service: where it listens, who calls it, what it opens.

Nothing here is written down a second time: a service that declares itself is deployed after
`make generate`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import MethodDescriptor

from gateway.envoy import own_contracts
from services.platform.security.call_table import allowed_peers
from services.platform.security.identities import GATEWAY
from services.platform.specs import ServiceSpec, all_specs, server_of

__all__ = ["Service", "all_services", "callees_of"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service, as others see it."""

    name: str
    port: int
    http_port: int | None
    """Of a service that speaks HTTP to the edge as well."""
    callers: frozenset[str]
    """Names in the certificates of those that may open gRPC connections to it."""
    opens: frozenset[str]
    """Of `rows`, `bus`, `cache` and `audit`, a log on a disk."""
    secrets: tuple[str, ...]
    """Variables that hold its secrets."""
    has_flags: bool
    """Whether it follows the file of feature flags."""
    keeps_scratch: bool
    """Whether it writes into a folder that ends with the pod: what it can make anew, or what a
    bucket has where one is set."""
    max_memory: str
    """What its container may take at most."""


@cache
def all_services() -> tuple[Service, ...]:
    """Return every service, in the order of their ports."""
    return tuple(_service(spec) for spec in all_specs().values())


def _service(spec: ServiceSpec) -> Service:
    opens = {
        "rows": spec.uses_rows,
        "bus": spec.uses_bus,
        "cache": spec.uses_cache,
        "audit": spec.keeps_audit,
    }
    return Service(
        spec.name,
        spec.port,
        spec.http_port,
        callers_by_service().get(spec.name, frozenset()) | ({GATEWAY} - {spec.name}),
        frozenset(engine for engine, is_opened in opens.items() if is_opened),
        spec.secrets,
        bool(spec.flags),
        spec.keeps_scratch or bool(spec.folders),
        spec.max_memory,
    )


def callees_of(caller: str) -> tuple[Service, ...]:
    """Return the services that a process of this name may open connections to."""
    return tuple(each for each in all_services() if caller in each.callers)


@cache
def callers_by_service() -> Mapping[str, frozenset[str]]:
    """Return callers by service as the call table has them, so without the gateway's checks."""
    callers: dict[str, frozenset[str]] = {}
    for method in _methods():
        name = server_of(method.containing_service.full_name).name
        callers[name] = callers.get(name, frozenset()) | allowed_peers(method)
    return callers


def _methods() -> Iterator[MethodDescriptor]:
    contracts = own_contracts()
    for name in contracts.all_services:
        yield from contracts.pool.FindServiceByName(name).methods
