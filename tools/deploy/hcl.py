"""Terraform's language, as far as plain values go: laid out as `terraform fmt` lays it out."""

import json
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Value", "attributes"]

Value = None | bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]

WIDTH = 110
"""Characters. What is longer is written on several lines, where it can be."""


def attributes(values: Mapping[str, Value], indent: int = 0) -> str:
    """Render `name = value` lines; the equals signs of neighbours on one line each are aligned."""
    lines: list[str] = []
    neighbours: list[tuple[str, str]] = []
    for name, value in values.items():
        text = _value(value, indent)
        if "\n" not in text:
            neighbours.append((_name(name), text))
            continue
        lines += _aligned(neighbours, indent)
        neighbours = []
        lines.append(f"{' ' * indent}{_name(name)} = {text}")
    return "\n".join([*lines, *_aligned(neighbours, indent)])


def _aligned(pairs: Sequence[tuple[str, str]], indent: int) -> Iterator[str]:
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        yield f"{' ' * indent}{name:{width}} = {text}"


def _name(name: str) -> str:
    plain = name.replace("_", "a").replace("-", "a")
    return name if plain.isalnum() and not name[0].isdigit() else _text(name)


def _value(value: Value, indent: int) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return _mapping(value, indent)
    if isinstance(value, Sequence):
        return _list(value, indent)
    return json.dumps(value)


def _mapping(values: Mapping[str, Value], indent: int) -> str:
    short = ", ".join(f"{_name(name)} = {_value(each, indent)}" for name, each in values.items())
    is_flat = not any(isinstance(each, Mapping) for each in values.values())
    if is_flat and _fits(short, indent):
        return f"{{ {short} }}" if values else "{}"
    return f"{{\n{attributes(values, indent + 2)}\n{' ' * indent}}}"


def _list(values: Sequence[Value], indent: int) -> str:
    texts = [_value(each, indent + 2) for each in values]
    if _fits(short := ", ".join(texts), indent):
        return f"[{short}]"
    inner = " " * (indent + 2)
    return "[\n" + "".join(f"{inner}{each},\n" for each in texts) + " " * indent + "]"


def _fits(text: str, indent: int) -> bool:
    return "\n" not in text and indent + len(text) < WIDTH


def _text(value: str) -> str:
    # What begins so is an expression to Terraform.
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
