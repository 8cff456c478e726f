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

from services.platform.specs.spec import ServiceSpec

__all__ = ["all_specs"]

GATEWAY: Final = "gateway"


@cache
def all_specs() -> Mapping[str, ServiceSpec]:
    """Return every service by name, in the order of their ports.

    Raises ValueError where two share a name, a port, a table, a topic or a subscription.
    """
    found = sorted((_read(package) for package in _packages()), key=lambda spec: spec.port)
    for what, said in (
        ("name", [spec.name for spec in found]),
        ("port", [str(at) for spec in found for at in (spec.port, spec.http_port) if at]),
        ("table", [table.name for spec in found for table in spec.tables]),
        ("topic", [topic for spec in found for topic in spec.topics]),
        ("subscription", [each.name for spec in found for each in spec.subscriptions]),
    ):
        if twice := sorted({each for each in said if said.count(each) > 1}):
            raise ValueError(f"two services declare the {what} {', '.join(twice)}")
    keepers = tuple(spec.name for spec in found if spec.keeps_pauses is not None)
    return MappingProxyType({spec.name: _reading_pauses(spec, keepers) for spec in found})


def _reading_pauses(spec: ServiceSpec, keepers: tuple[str, ...]) -> ServiceSpec:
    """Have whoever consumes open the rows where it is kept what is paused."""
    missing = tuple(each for each in keepers if each not in (spec.name, *spec.opens_rows_of))
    if not spec.subscriptions or not missing:
        return spec
    return replace(spec, opens_rows_of=(*spec.opens_rows_of, *missing))


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
