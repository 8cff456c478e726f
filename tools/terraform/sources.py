"""Reads `infra/terraform/`: its files, and the blocks in them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from lark.exceptions import LarkError

from tools.terraform.schema import Kind

__all__ = [
    "Declared",
    "Folder",
    "SourceError",
    "blocks",
    "declared",
    "folders",
    "literal",
    "local_values",
    "parse",
    "parse_text",
]

Body = Mapping[str, Any]
"""The inside of a block, as python-hcl2 gives it."""

_QUOTED = re.compile(r'"(.*)"', re.DOTALL)
_META = {"__is_block__", "__comments__", "__inline_comments__"}


class SourceError(ValueError):
    """A file does not parse, or lacks what it must have."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A module or an environment's stage: files of one folder are one piece of code."""

    path: Path
    files: Mapping[Path, Body]


@dataclass(frozen=True, slots=True)
class Declared:
    """A `resource` or `data` block."""

    path: Path
    kind: Kind
    type: str
    name: str
    body: Body


def parse(path: Path) -> Body:
    """Parse a file. Raises `SourceError` with its name and the place."""
    return parse_text(path.read_text(), str(path))


def parse_text(code: str, where: str) -> Body:
    """Parse what stands at `where`. Raises `SourceError`."""
    try:
        parsed: Body = hcl2.loads(code)
    except LarkError as error:
        raise SourceError(f"{where}: {error}") from error
    return parsed


def folders(root: Path) -> list[Folder]:
    """Parse everything under `root`: one for each folder that has `.tf` files."""
    found: dict[Path, dict[Path, Body]] = {}
    for path in sorted(root.rglob("*.tf")):
        found.setdefault(path.parent, {})[path] = parse(path)
    return [Folder(path, files) for path, files in found.items()]


def declared(folder: Folder) -> Iterator[Declared]:
    """Give every resource and data source of the folder."""
    kinds: Sequence[Kind] = ("resource", "data")
    for path, body in folder.files.items():
        for kind in kinds:
            for block in body.get(kind, []):
                for type_name, named in blocks(block):
                    for name, inside in blocks(named):
                        yield Declared(path, kind, type_name, name, inside)


def blocks(body: Body) -> Iterator[tuple[str, Any]]:
    """Give the (unquoted name, value) pairs of a block, without the parser's own."""
    for name, value in body.items():
        if name not in _META:
            yield literal(name), value


def literal(value: Any) -> Any:  # noqa: ANN401 - whatever HCL can hold
    """Unquote strings, in lists and maps too; expressions stay `${…}`."""
    if isinstance(value, str):
        quoted = _QUOTED.fullmatch(value)
        return quoted.group(1) if quoted else value
    if isinstance(value, list):
        return [literal(each) for each in value]
    if isinstance(value, dict):
        return {literal(name): literal(each) for name, each in value.items() if name not in _META}
    return value


def local_values(folder: Folder) -> dict[str, Any]:
    """Merge the folder's `locals`."""
    found: dict[str, Any] = {}
    for body in folder.files.values():
        for block in body.get("locals", []):
            found.update(blocks(block))
    return {name: literal(value) for name, value in found.items()}
