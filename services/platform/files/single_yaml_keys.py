"""YAML in which no name is given twice, as `single_keys` has JSON; apart, for who reads none."""

from typing import Any, Final

import yaml

from services.platform.files.single_keys import RepeatedNameError

__all__ = ["yaml_load"]

_MERGE: Final = "tag:yaml.org,2002:merge"


def yaml_load(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Read one document of plain YAML; raises `RepeatedNameError`, or yaml's `YAMLError`."""
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


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
