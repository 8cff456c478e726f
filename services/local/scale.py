"""How many processes of each service there are, and what each of them is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.platform.specs import all_specs

__all__ = ["ALL", "MAX_REPLICAS", "ONE_OF_EACH", "Replica", "ScaleError", "read_scale", "replicas"]

ALL: Final = "all"
"""Stands for every service that is not named beside it."""
MAX_REPLICAS: Final = 16
"""Of one service. A process takes some 40 MB, and more of them than a machine has cores serve
nobody faster; a number as large is a slip of the hand."""
ONE_OF_EACH: Final[Mapping[str, int]] = MappingProxyType({})


class ScaleError(ValueError):
    """The text is no scale; the error says what it has, and what is wanted."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One of the processes of a service."""

    service: str
    number: int
    """From 1."""

    @property
    def name(self) -> str:
        """Return what its process, its log and its sidecar are called: `graph`, `graph-2`."""
        return self.service if self.number == 1 else f"{self.service}-{self.number}"


def read_scale(texts: Sequence[str]) -> Mapping[str, int]:
    """Read `graph=3,tweet=2`, in one text or several: processes by service, one of all others.

    `all=2` is about those that are not named. Raises `ScaleError`.
    """
    scale: dict[str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        if not part:
            continue
        service, equals, count = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ScaleError(f"{part!r} is no service=number, such as graph=2")
        if service != ALL and service not in all_specs():
            known = ", ".join(sorted(all_specs()))
            raise ScaleError(f"{service!r} is no service: there are {known}; or {ALL} for each")
        if service in scale:
            raise ScaleError(f"{service} is there twice")
        if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= MAX_REPLICAS):
            wanted = f"a whole number from 1 to {MAX_REPLICAS}"
            raise ScaleError(f"{service}={count}: wanted {wanted}")
        scale[service] = int(count)
    others = scale.pop(ALL, 1)
    return {name: scale.get(name, others) for name in all_specs()}


def replicas(scale: Mapping[str, int]) -> Sequence[Replica]:
    """List all processes of all services, those of one together; one of what is not named."""
    return [
        Replica(name, number) for name in all_specs() for number in range(1, scale.get(name, 1) + 1)
    ]
