"""Envoy's admin interface, for the owner of the process alone.

It can stop Envoy, show its configuration and change its log; a port on loopback would be for every
user of the machine, a socket is for whoever may open the file.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

__all__ = ["DEFAULT_ADMIN_SOCKET", "admin", "only_static_runtime", "pipe"]

DEFAULT_ADMIN_SOCKET: Final = "/run/envoy/admin.sock"
"""Where nothing else is said: in containers it is a folder in memory, that no other one sees."""
OWNER_ONLY: Final = 0o600


def admin(socket: str) -> dict[str, Any]:
    """Build the bootstrap's `admin`. Linux takes 107 bytes of a path."""
    return {"address": pipe(socket)}


def pipe(path: str) -> dict[str, Any]:
    """Build the address of a Unix socket, which whoever listens there makes for its owner alone."""
    return {"pipe": {"path": path, "mode": OWNER_ONLY}}


def only_static_runtime(values: Mapping[str, int] = MappingProxyType({})) -> dict[str, Any]:
    """Build a `layered_runtime` of these values, that nobody changes while Envoy runs.

    Without it there is a layer for the admin interface, by which limits can be turned off.
    """
    return {"layers": [{"name": "static", "static_layer": dict(values)}]}
