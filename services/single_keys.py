"""JSON and YAML in which no name is given twice: their parsers keep the last and say nothing.

Whoever reviews such a text, or checks it before us, may go by the first.
"""

import json
from collections.abc import Hashable
from typing import Any

import yaml

__all__ = ["RepeatedNameError", "json_loads", "yaml_load"]


class RepeatedNameError(ValueError):
    """An object has a name twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is given twice")
        self.name = name


def json_loads(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Read JSON; raises `RepeatedNameError`, or the ValueError and RecursionError of `json`."""
    return json.loads(text, object_pairs_hook=_once)


def yaml_load(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Read one document of plain YAML; raises `RepeatedNameError`, or yaml's `YAMLError`."""
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedNameError(name)
        found[name] = value
    return found


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        # As they are written: what a merge (`<<`) brings may be overridden, that is what it is for.
        written: set[Hashable] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in written:
                raise RepeatedNameError(str(name))
            written.add(name)
        return super().construct_mapping(node, deep=deep)
