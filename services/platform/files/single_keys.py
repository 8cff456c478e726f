"""JSON and YAML in which no name is given twice: their parsers keep the last and say nothing.

Whoever reviews such a text, or checks it before us, may go by the first.
"""

import json
from typing import Any, Final

import yaml

__all__ = ["RepeatedNameError", "json_loads", "yaml_load"]

_MERGE: Final = "tag:yaml.org,2002:merge"


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
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401 - yaml's
        # Here names are as they were written: what a merge (`<<`) brings may be overridden.
        node = super().compose_mapping_node(anchor)
        written: set[tuple[str, str]] = set()
        for name, _ in node.value:
            if not isinstance(name, yaml.ScalarNode) or name.tag == _MERGE:
                continue
            if (name.tag, name.value) in written:
                raise RepeatedNameError(name.value)
            written.add((name.tag, name.value))
        return node
