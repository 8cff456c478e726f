"""What the code says of each service: where it listens, who calls it, what it opens.

Nothing here is written down a second time. A service that joins `services.settings` and
`services.bootstrap` is deployed after `make generate`.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

import services.bootstrap
from gateway.edge import own_contracts
from services import settings
from services.certificates.identities import GATEWAY
from services.rpc.call_table import callers_of

__all__ = ["Service", "all_services", "callees_of", "engines_opened"]

_BOOTSTRAP: Final = Path(services.bootstrap.__file__).parent

_ENGINES: Final[Mapping[str, frozenset[str]]] = {
    "rows": frozenset({"rows"}),
    "outbox": frozenset({"bus"}),
    "bus": frozenset({"bus"}),
    "consume": frozenset({"bus"}),
    "valkey": frozenset({"cache"}),
    "valkey_node": frozenset({"cache"}),
    "pushes": frozenset({"cache"}),
    "cursors": frozenset(),
    "audit": frozenset({"audit"}),
}
"""Method of `Parts` to what it opens."""

_NO_ENGINE: Final = frozenset(
    {
        *("accounts", "channel", "graph", "ids", "tweets", "users"),
        *("cache_metrics", "clock", "loops", "readiness", "security", "settings", "stack"),
    }
)
"""Those that open channels, which the call table tells of, or nothing."""

_SECRETS: Final[Mapping[str, frozenset[str]]] = {
    "AVIARY_CURSOR_KEY": frozenset({"cursor_key", "cursors"}),
    "AVIARY_CHALLENGE_KEY": frozenset({"challenge_key"}),
    "AVIARY_IDENTITY_KEY": frozenset({"identity_key"}),
    "AVIARY_OPERATOR_SECRET": frozenset({"operator_secret"}),
}
"""Variable to what a module of the composition root that reads it mentions."""


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


@cache
def all_services() -> tuple[Service, ...]:
    """Return every service, in the order of the settings."""
    return tuple(_service(name, at) for name, at in settings.DEFAULT_ADDRESSES.items())


def _service(name: str, address: str) -> Service:
    bootstrap = (_BOOTSTRAP / f"{name}.py").read_text()
    mentioned = {
        node.attr for node in ast.walk(ast.parse(bootstrap)) if isinstance(node, ast.Attribute)
    }
    return Service(
        name,
        _port(address),
        _http_port(name),
        callers_by_service().get(name, frozenset()) | ({GATEWAY} - {name}),
        engines_opened(bootstrap),
        tuple(variable for variable, by in _SECRETS.items() if by & mentioned),
        "flags_file" in mentioned,
    )


def callees_of(caller: str) -> tuple[Service, ...]:
    """Return the services that a process of this name may open connections to."""
    return tuple(each for each in all_services() if caller in each.callers)


@cache
def callers_by_service() -> Mapping[str, frozenset[str]]:
    """Return callers by service as the call table has them, so without the gateway's checks."""
    callers: dict[str, frozenset[str]] = {}
    for method in _methods():
        name = method.containing_service.full_name.split(".")[1]
        callers[name] = callers.get(name, frozenset()) | callers_of(method)
    return callers


def engines_opened(bootstrap: str) -> frozenset[str]:
    """Return what a module of the composition root opens: its uses of `parts`.

    Raises ValueError for one that is in neither list here.
    """
    used = {
        node.attr
        for node in ast.walk(ast.parse(bootstrap))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "parts"
    }
    if unknown := used - _ENGINES.keys() - _NO_ENGINE:
        raise ValueError(f"what do these methods of Parts open? {', '.join(sorted(unknown))}")
    return frozenset[str]().union(*(_ENGINES[name] for name in used - _NO_ENGINE))


def _methods() -> Iterator[MethodDescriptor]:
    pool, files = DescriptorPool(), own_contracts().files.file
    for file in files:
        pool.Add(file)
    for file in files:
        if file.package.startswith("aviary."):
            for service in file.service:
                yield from pool.FindServiceByName(f"{file.package}.{service.name}").methods


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _http_port(name: str) -> int | None:
    address = vars(settings).get(f"DEFAULT_{name.upper()}_HTTP_ADDRESS")
    return None if address is None else _port(address)
