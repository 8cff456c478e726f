"""What a running Envoy says at its admin socket."""

import http.client
import json
import socket
from typing import Final

__all__ = ["ask", "unreached"]

TIMEOUT_S: Final = 1.0
# By which Envoy sends nothing to a process.
_FAILED: Final = ("failed_active_health_check", "failed_outlier_check")


class _OverSocket(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__("admin", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in place of a host and port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(admin: str, method: str, path: str) -> bytes:
    """Send one request; raises `OSError` or `HTTPException` where Envoy does not answer."""
    connection = _OverSocket(admin)
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


def unreached(admin: str) -> list[str]:
    """Name the clusters with a process that Envoy sends nothing to; raises as `ask`.

    It looks at each every few seconds, so a service answers for some time before it is sent calls.
    """
    clusters = json.loads(ask(admin, "GET", "/clusters?format=json"))["cluster_statuses"]
    return sorted(
        cluster["name"]
        for cluster in clusters
        if any(
            host.get("health_status", {}).get(mark)
            for host in cluster.get("host_statuses", ())
            for mark in _FAILED
        )
    )
