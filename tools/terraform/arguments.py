"""Holds every resource against the provider's schema, without Terraform.

What is checked: that the type exists, that each argument and block within it does, at any depth,
that what is required is there, and that a text is one of those that the provider takes, where its
documentation lists them. Types of values are Terraform's to check.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.terraform.schema import Block, Provider
from tools.terraform.sources import Body, Declared, Folder, blocks, declared, literal

__all__ = ["faults", "wanted"]

META_ARGUMENTS = {"count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}
"""What Terraform itself takes in any resource."""
BUILT_IN = {"terraform_remote_state"}
"""Types of the provider that is part of Terraform."""


def wanted(found: list[Folder], provider: str) -> set[tuple[Any, str]]:
    """Every type of the provider that is used: (kind, type)."""
    return {
        (each.kind, each.type)
        for folder in found
        for each in declared(folder)
        if each.type not in BUILT_IN and _provider_of(each) == provider
    }


def faults(found: list[Folder], providers: Mapping[str, Provider]) -> list[str]:
    """Say what is wrong, a line each."""
    lines = []
    for folder in found:
        for each in declared(folder):
            if each.type in BUILT_IN:
                continue
            where = f"{each.path}: {each.kind} {each.type}.{each.name}"
            block = _block_of(each, providers)
            if block is None:
                lines.append(f"{where}: no provider has this type")
            else:
                lines += [
                    f"{where}: {fault}" for fault in _within(each.body, block, META_ARGUMENTS)
                ]
    return lines


def _block_of(each: Declared, providers: Mapping[str, Provider]) -> Block | None:
    provider = providers.get(_provider_of(each))
    return None if provider is None else provider.types.get((each.kind, each.type))


def _provider_of(each: Declared) -> str:
    """Name the provider: the one that the block names, or else the first word of its type."""
    named = str(literal(each.body.get("provider", ""))).removeprefix("${").removesuffix("}")
    return named.split(".", 1)[0] or each.type.split("_", 1)[0]


def _within(body: Body, block: Block, allowed: set[str]) -> Iterator[str]:
    given = set(allowed)
    for name, value in blocks(body):
        if name == "dynamic":
            for dynamic in value:
                for label, inside in blocks(dynamic):
                    given.add(label)
                    yield from _nested(label, inside.get("content", []), block)
        elif name in block.blocks:
            given.add(name)
            yield from _nested(name, value, block)
        elif (attribute := block.attributes.get(name)) is not None:
            given.add(name)
            if not (attribute.required or attribute.optional):
                yield f"{name} is the provider's to set"
            yield from _unlisted(name, value, attribute.values)
        elif name not in allowed:
            yield f"unknown argument {name}"
    required = {name for name, each in block.attributes.items() if each.required}
    required |= {name for name, each in block.blocks.items() if each.min_items}
    for name in sorted(required - given):
        yield f"{name} is missing"


def _unlisted(name: str, value: Any, listed: frozenset[str]) -> Iterator[str]:  # noqa: ANN401 - HCL
    for text in _texts(value) if listed else ():
        if text not in listed:
            yield f"{name} is none of {', '.join(sorted(listed))}: {text}"


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - HCL
    """Give the texts that are written out: what an expression comes to is not known here."""
    for each in value if isinstance(value, list) else [value]:
        text = literal(each)
        if isinstance(text, str) and text != each and "${" not in text:
            yield text


def _nested(name: str, values: Any, block: Block) -> Iterator[str]:  # noqa: ANN401 - HCL
    nested = block.blocks.get(name)
    if nested is None:
        yield f"unknown block {name}"
        return
    if nested.max_items and isinstance(values, list) and len(values) > nested.max_items:
        yield f"block {name} may be there only {nested.max_items} times"
    for value in values if isinstance(values, list) else []:
        for fault in _within(value, nested.block, set()):
            yield f"{name}: {fault}"
