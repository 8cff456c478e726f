"""Finding what services declare: a service is a folder with a `spec` module, and in no list.

The edge's own process declares itself in `gateway.spec`; all others in `services.<name>.spec`.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from services.platform.specs.checks import check_together
from services.platform.specs.spec import ServiceSpec

__all__ = ["GATEWAY", "all_specs", "server_of"]

GATEWAY: Final = "gateway"
"""The one service that is no folder of `services`: it is the edge's own."""


@cache
def all_specs() -> Mapping[str, ServiceSpec]:
    """Return every service by name, in the order of their ports.

    Raises ValueError where two share what must be one's own, or one refers to what nobody declares.
    """
    found = sorted((_read(package) for package in _packages()), key=lambda spec: spec.port)
    check_together(found)
    keepers = tuple(spec.name for spec in found if spec.keeps_pauses is not None)
    return MappingProxyType({spec.name: _reading_pauses(spec, keepers) for spec in found})


def _reading_pauses(spec: ServiceSpec, keepers: tuple[str, ...]) -> ServiceSpec:
    """Have whoever consumes or publishes open the rows of what is paused, and refused."""
    missing = tuple(each for each in keepers if each not in (spec.name, *spec.opens_rows_of))
    if not (spec.subscriptions or spec.topics) or not missing:
        return spec
    return replace(spec, opens_rows_of=(*spec.opens_rows_of, *missing))


def server_of(contract: str) -> ServiceSpec:
    """Return the service that serves a contract, or one of its RPCs (`package.Service/Method`).

    Raises KeyError for one that nobody serves.
    """
    return _servers()[contract.partition("/")[0]]


@cache
def _servers() -> Mapping[str, ServiceSpec]:
    return {contract: spec for spec in all_specs().values() for contract in spec.contracts}


def _packages() -> Iterator[str]:
    top = __name__.partition(".")[0]
    for found in pkgutil.iter_modules(importlib.import_module(top).__path__, f"{top}."):
        if found.ispkg and find_spec(f"{found.name}.spec") is not None:
            yield found.name
    yield GATEWAY


def _read(package: str) -> ServiceSpec:
    declared = importlib.import_module(f"{package}.spec").SPEC
    if not isinstance(declared, ServiceSpec):
        raise TypeError(f"{package}.spec.SPEC is no ServiceSpec")
    return replace(declared, package=package)
