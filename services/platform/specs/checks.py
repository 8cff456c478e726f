"""What must hold between declarations; each alone cannot know of the others."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from services.platform.specs.spec import ServiceSpec

__all__ = ["check_together"]

_NAME: Final = re.compile(r"[a-z]{1,15}")
"""It is a folder, part of a variable's name, a label in DNS and part of a Google account's id."""
_TAKEN: Final = frozenset(
    # In certificates: such a service could call whatever the edge or an operator can.
    {"edge", "operator"}
    # Among certificates: its key would take the place of the authority's.
    | {"ca", "trust"}
    # Of what runs beside the services, and logs.
    | {"bus", "cache", "envoy", "bigtable", "pubsub", "collector"}
)
"""Names that something else has where services have theirs."""

Found = Callable[[ServiceSpec], Iterable[object]]
_OWN: Final[Sequence[tuple[str, Found]]] = (
    ("name", lambda spec: [spec.name]),
    ("port", lambda spec: [at for at in (spec.port, spec.http_port) if at is not None]),
    ("contract", lambda spec: spec.contracts),
    ("table", lambda spec: [table.name for table in spec.tables]),
    ("topic", lambda spec: spec.topics),
    ("subscription", lambda spec: [each.name for each in spec.subscriptions]),
    ("file", lambda spec: (*spec.files, *spec.folders)),
    ("flag", lambda spec: [flag.name for flag in spec.flags]),
)


def check_together(specs: Sequence[ServiceSpec]) -> None:
    """Raise ValueError, naming what is wrong, unless these can be all the services there are."""
    for fault in (*_shared(specs), *_misnamed(specs), *_unknown(specs)):
        raise ValueError(fault)


def _shared(specs: Sequence[ServiceSpec]) -> Iterator[str]:
    for what, of in _OWN:
        owners: dict[object, str] = {}
        for spec in specs:
            for each in of(spec):
                if each in owners:
                    yield f"{owners[each]} and {spec.name} both declare the {what} {each}"
                owners[each] = spec.name


def _misnamed(specs: Sequence[ServiceSpec]) -> Iterator[str]:
    for spec in specs:
        if not _NAME.fullmatch(spec.name):
            yield f"{spec.name!r} is no name of a service: it has 1 to 15 letters a to z"
        if spec.name in _TAKEN:
            yield f"{spec.name!r} cannot name a service: something else has that name"
        if spec.package.rpartition(".")[2] != spec.name:
            yield f"{spec.package} declares a service of another name, {spec.name}"
        # Sidecars find who serves a sibling's call by its package; operators call without one.
        for contract in () if spec.is_operated else spec.contracts:
            if contract.rpartition(".")[0] != f"aviary.{spec.name}.v1":
                yield f"{spec.name}: its contract {contract} is not in aviary.{spec.name}.v1"
        for variable in sorted(set(spec.optional_secrets) - set(spec.secrets)):
            yield f"{spec.name}: its optional secret {variable} is not among its secrets"
        for each in spec.subscriptions:
            # Pub/Sub has one list of names for the whole project.
            if not each.name.startswith(f"{spec.name}."):
                yield f"{spec.name}: its subscription {each.name} does not begin with {spec.name}."


def _unknown(specs: Sequence[ServiceSpec]) -> Iterator[str]:
    owners = {spec.name for spec in specs if spec.tables}
    topics = {topic for spec in specs for topic in spec.topics}
    for spec in specs:
        for sibling in spec.opens_rows_of:
            if sibling not in owners:
                yield f"{spec.name} opens the rows of {sibling}, which declares none"
        for each in spec.subscriptions:
            if each.topic not in topics:
                yield f"{spec.name} consumes {each.topic}, which nobody declares to publish"
        yield from _unknown_calls(spec, specs)


def _unknown_calls(spec: ServiceSpec, specs: Sequence[ServiceSpec]) -> Iterator[str]:
    servers = {contract: server for server in specs for contract in server.contracts}
    for call in spec.calls:
        server = servers.get(call.partition("/")[0])
        if server is None:
            yield f"{spec.name} calls {call}, which nobody declares to serve"
        elif server.is_operated:
            yield f"{spec.name} calls {call}, which is for operators alone"
    for call in spec.operator_calls:
        if call.partition("/")[0] not in spec.contracts:
            yield f"{spec.name} gives operators {call}, which it does not serve"
