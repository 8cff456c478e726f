"""Issuers' keys that lie in files, which may be replaced while Envoy runs.

Envoy reads a file of keys once, and keeps it for as long as it runs. The file of an answer that it
gives by itself it reads anew when it is replaced. So it fetches these keys, as it fetches others,
from a socket of its own, where the files are shown.
"""

from pathlib import Path
from typing import Any, Final

from gateway.envoy.admin import pipe
from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import API, http_filter, typed
from services.platform.tokens.issuers import Issuer

__all__ = ["KEY_FILES", "key_file_path", "key_files"]

KEY_FILES: Final = "key_files"
"""The listener, and the cluster of it alone."""

_CONNECT_TIMEOUT: Final = "1s"
# A hundred keys with their certificates; Envoy's default, 4 KiB, is less than two such.
_MAX_FILE_BYTES: Final = 256 * 1024


def key_file_path(issuer: Issuer) -> str:
    """Say where this issuer's file is shown."""
    return f"/{issuer.name}"


def key_files(config: EdgeConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Build the listener that shows the files and its cluster; none where there are no files."""
    files = [issuer for issuer in config.issuers if issuer.jwks_file is not None]
    if not files or config.unauthenticated:
        return [], []
    # Beside the admin interface's, so that it takes no port.
    address = pipe(f"{config.admin_socket}.jwks")
    settings = typed(
        f"{API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=KEY_FILES,
        route_config={
            "max_direct_response_body_size_bytes": _MAX_FILE_BYTES,
            "virtual_hosts": [
                {"name": KEY_FILES, "domains": ["*"], "routes": [_shown(one) for one in files]}
            ],
        },
        http_filters=[http_filter("router", "Router")],
    )
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": settings}
    listener = {
        "name": KEY_FILES,
        "address": address,
        "filter_chains": [{"filters": [network]}],
    }
    cluster = {
        "name": KEY_FILES,
        "type": "STATIC",
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {
            "cluster_name": KEY_FILES,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    return [listener], [cluster]


def _shown(issuer: Issuer) -> dict[str, Any]:
    folder = str(Path(str(issuer.jwks_file)).parent)
    body = {"filename": issuer.jwks_file, "watched_directory": {"path": folder}}
    answer = {"status": 200, "body": body}
    return {"match": {"path": key_file_path(issuer)}, "direct_response": answer}
