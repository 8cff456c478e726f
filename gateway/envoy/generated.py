"""Where the files are that the edge reads: in `gen/` and `web/`, beside the code.

An installed Aviary has both beside its packages as a source tree has, without the rest.
"""

from pathlib import Path
from typing import Final

__all__ = ["GENERATED", "SOURCE_TREE", "WEB_CLIENT", "as_envoy_sees"]

_AROUND: Final = Path(__file__).resolve().parents[2]

SOURCE_TREE: Final = _AROUND if (_AROUND / "pyproject.toml").is_file() else None
"""The root of the source tree that this code runs from; None where it was installed."""

GENERATED: Final = _AROUND / "gen"
"""The descriptor, the OpenAPI document and its page."""

WEB_CLIENT: Final = _AROUND / "web"
"""The web client, as browsers get it."""


def as_envoy_sees(name: str) -> str:
    """Return the path of a generated file for an Envoy on this machine.

    In a source tree it is relative to the root, where Envoy is started, so that what is committed
    names no machine's folders.
    """
    return f"gen/{name}" if SOURCE_TREE is not None else str(GENERATED / name)
