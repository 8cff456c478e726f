"""The commands of an installed Aviary: what the wheel's console scripts call.

A wheel must not bring top-level modules called `services` and `gateway`: other people's have every
right to these names. So it keeps Aviary's own in a folder that is on nobody's path, and each
command puts that folder first on its own path and on the path of the processes that it starts
(ADR 26). In a source tree there is no such folder, and the packages are found where they are.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

__all__ = ["gateway", "main", "probe"]

_PACKAGES: Final = Path(__file__).resolve().parent / "_tree"
"""What a wheel has of the source tree; nothing in the tree itself."""


def main() -> None:
    """Run `aviary`: everything, one service, or an operator's command."""
    _own_packages_first()
    import_module("services.cli.main").main()


def gateway() -> None:
    """Run `aviary-gateway`: build and check what the edge is given."""
    _own_packages_first()
    import_module("gateway.__main__").main()


def probe() -> int:
    """Run `aviary-probe`; return its exit code, 0 when the service in this container is healthy."""
    _own_packages_first()
    code: int = import_module("services.cli.probe").main()
    return code


def _own_packages_first() -> None:
    # Children are started as `python -m services …`. Without this they would look for `services` in
    # the working directory before anywhere else, and that is the user's.
    os.environ["PYTHONSAFEPATH"] = "1"
    if not _PACKAGES.is_dir():
        return
    sys.path.insert(0, str(_PACKAGES))
    inherited = os.environ.get("PYTHONPATH")
    path = [str(_PACKAGES), *([inherited] if inherited else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
