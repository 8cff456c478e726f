"""Parses what is in CEL, the Common Expression Language: rules of Cloud Armor, conditions of IAM.

What a rule's functions and attributes are is Cloud Armor's own, and goes unchecked.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import cel

from tools.terraform.sources import Folder, blocks, declared, literal

__all__ = ["faults"]

ARGUMENT: Final = "expression"
"""What both call it."""
# What an expression of Terraform comes to is not known here. As a number, and within a text, this
# is as good as any.
_INTERPOLATED: Final = re.compile(r"\$\{[^{}]*\}")
_ANY_VALUE: Final = "1"
# `has` of an index, which the language itself does not take, and Cloud Armor does.
_HAS_HEADER: Final = re.compile(r"has\(([\w.]+\['[^']+'\])\)")


def faults(found: list[Folder]) -> Iterator[str]:
    """Say what does not parse, a line each."""
    for folder in found:
        for each in declared(folder):
            if not each.type.startswith("google_"):
                continue
            for written in _expressions(each.body):
                if fault := _fault(written):
                    yield f"{each.path}: {each.kind} {each.type}.{each.name}: {fault}"


def _expressions(value: Any) -> Iterator[str]:  # noqa: ANN401 - HCL
    if isinstance(value, list):
        for each in value:
            yield from _expressions(each)
    elif isinstance(value, dict):
        for name, inside in blocks(value):
            if name == ARGUMENT and isinstance(inside, str):
                yield inside
            else:
                yield from _expressions(inside)


def _fault(written: str) -> str | None:
    text = literal(written)
    if text == written:
        return f"{ARGUMENT} is not written out, and so cannot be parsed: {written}"
    try:
        cel.compile(_HAS_HEADER.sub(r"(\1 != '')", _INTERPOLATED.sub(_ANY_VALUE, text)))
    except ValueError as error:
        return str(error)
    return None
