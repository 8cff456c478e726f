"""Where the descriptor, the OpenAPI document and its page are.

A source tree has them in `gen/`; a wheel carries copies, as it has nothing around it.
"""

from pathlib import Path
from typing import Final

__all__ = ["GENERATED", "SOURCE_TREE", "as_envoy_sees"]

_IN_WHEEL = Path(__file__).resolve().parents[1] / "generated"
_AROUND = Path(__file__).resolve().parents[2]

SOURCE_TREE: Final = None if _IN_WHEEL.is_dir() else _AROUND
"""The root of the source tree that this code runs from; None where it was installed."""

GENERATED: Final = _IN_WHEEL if SOURCE_TREE is None else SOURCE_TREE / "gen"


def as_envoy_sees(name: str) -> str:
    """Return the path of a generated file for an Envoy on this machine.

    In a source tree it is relative to the root, where Envoy is started, so that what is committed
    names no machine's folders.
    """
    return f"gen/{name}" if SOURCE_TREE is not None else str(GENERATED / name)
