"""A Terraform provider's schema, as values: what a resource takes and what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Attribute", "Block", "CtyType", "Kind", "NestedBlock", "Provider"]

Kind = Literal["resource", "data"]
CtyType = str | list["CtyType | dict[str, CtyType]"]
"""A type as Terraform writes it in JSON: `"string"`, `["list", "string"]`, `["object", {…}]`."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name = value`. Neither required nor optional means that only the provider sets it."""

    type: CtyType
    required: bool = False
    optional: bool = False
    computed: bool = False
    values: frozenset[str] = frozenset()
    """The texts that the provider takes, where its documentation lists them."""


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between one pair of braces."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, "NestedBlock"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NestedBlock:
    """A block within a block; `max_items` 0 sets no bound."""

    block: Block
    nesting: Literal["single", "list", "set"]
    min_items: int = 0
    max_items: int = 0


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider at one version; only the types that were asked for."""

    name: str
    version: str
    config: Block
    types: Mapping[tuple[Kind, str], Block]
