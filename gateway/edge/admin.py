"""Envoy's admin interface, for the owner of the process alone.

It can stop Envoy, show its configuration and change its log; a port on loopback would be for every
user of the machine, a socket is for whoever may open the file.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

__all__ = ["DEFAULT_ADMIN_SOCKET", "admin", "admin_address", "only_static_runtime"]

DEFAULT_ADMIN_SOCKET: Final = "/run/envoy/admin.sock"
"""Where nothing else is said: in containers it is a folder in memory, that no other one sees."""
OWNER_ONLY: Final = 0o600


def admin(socket: str) -> dict[str, Any]:
    """Build the bootstrap's `admin`. Linux takes 107 bytes of a path."""
    return {"address": {"pipe": {"path": socket, "mode": OWNER_ONLY}}}


def admin_address(socket: str) -> dict[str, Any]:
    """Build the address by which Envoy reaches its own admin interface."""
    return {"pipe": {"path": socket}}


def only_static_runtime(values: Mapping[str, int] = MappingProxyType({})) -> dict[str, Any]:
    """Build a `layered_runtime` of these values, that nobody changes while Envoy runs.

    Without it there is a layer for the admin interface, by which limits can be turned off.
    """
    return {"layers": [{"name": "static", "static_layer": dict(values)}]}
