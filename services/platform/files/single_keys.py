"""JSON in which no name is given twice: its parsers keep the last and say nothing.

Whoever reviews such a text, or checks it before us, may go by the first. YAML is in
`single_yaml_keys`.
"""

import json
from typing import Any

__all__ = ["RepeatedNameError", "json_loads"]


class RepeatedNameError(ValueError):
    """An object has a name twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is given twice")
        self.name = name


def json_loads(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Read JSON; raises `RepeatedNameError`, or the ValueError and RecursionError of `json`."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedNameError(name)
        found[name] = value
    return found
