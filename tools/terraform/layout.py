"""What each module must be made of."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.terraform.sources import Body, Folder, blocks

__all__ = ["faults"]

FILES = ("main.tf", "outputs.tf", "versions.tf", "README.md")
"""Files of every module, which has a `variables.tf` too where it takes any."""
_SKIP = re.compile(r"checkov:skip=(\w+)(?::(.*))?")
MIN_REASON_CHARS = 15
"""A reason is a sentence: "n/a" is none."""


def faults(found: list[Folder], modules: Path) -> Iterator[str]:
    """Say what is missing, a line each."""
    for folder in found:
        if folder.path.parent == modules:
            for name in FILES:
                if not (folder.path / name).exists():
                    yield f"{folder.path}: {name} is missing"
            if not list((folder.path / "tests").glob("*.tftest.hcl")):
                yield f"{folder.path}: there is no test"
        for path, body in folder.files.items():
            yield from _undescribed(path, body)
            yield from _unjustified(path)


def _undescribed(path: Path, body: Body) -> Iterator[str]:
    for kind, needed in (("variable", ("description", "type")), ("output", ("description",))):
        for block in body.get(kind, []):
            for name, inside in blocks(block):
                for each in needed:
                    if each not in inside:
                        yield f"{path}: {kind} {name} has no {each}"


def _unjustified(path: Path) -> Iterator[str]:
    for check, reason in _SKIP.findall(path.read_text()):
        if len(reason.strip()) < MIN_REASON_CHARS:
            yield f"{path}: the skip of {check} gives no reason"
