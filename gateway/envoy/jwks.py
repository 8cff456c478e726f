"""Where the edge gets the keys from that tokens are checked with."""

from typing import Any
from urllib.parse import urlsplit

from gateway.envoy.config import EdgeConfig
from gateway.envoy.key_files import KEY_FILES, key_file_path
from gateway.envoy.upstreams import jwks_cluster
from services.platform.tokens.issuers import Issuer

__all__ = ["issuer_clusters", "jwks_of", "remote_jwks"]

# Keys are fetched ahead of use, and again so soon when that failed.
REFETCH_AFTER_FAILURE = "1s"
JWKS_TIMEOUT = "2s"
# Of a file: it costs a request of Envoy to itself.
FILE_CACHE_S = 5


def issuer_clusters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the clusters that keys are fetched from, for issuers that are not ours."""
    return [
        _jwks_cluster(issuer)
        for issuer in config.issuers
        if issuer.jwks_uri is not None and issuer.jwks_cluster is None
    ]


def jwks_of(issuer: Issuer) -> dict[str, Any]:
    """Say where the keys of its access tokens are."""
    if issuer.jwks_file is not None:
        uri = f"http://localhost{key_file_path(issuer)}"
        # Envoy's own listener does not answer before Envoy has started.
        return _fetched(uri, KEY_FILES, FILE_CACHE_S, fast_listener=True)
    return remote_jwks(issuer, issuer.jwks_uri)


def remote_jwks(issuer: Issuer, uri: str | None) -> dict[str, Any]:
    """Fetch keys from the issuer, at this address of it."""
    return _fetched(uri, issuer.jwks_cluster or _cluster_name(issuer), issuer.jwks_cache_s)


def _fetched(uri: str | None, cluster: str, cache_s: int, **ahead: bool) -> dict[str, Any]:
    return {
        "remote_jwks": {
            "http_uri": {"uri": uri, "cluster": cluster, "timeout": JWKS_TIMEOUT},
            "cache_duration": f"{cache_s}s",
            "async_fetch": {"failed_refetch_duration": REFETCH_AFTER_FAILURE, **ahead},
        }
    }


def _cluster_name(issuer: Issuer) -> str:
    return f"jwks_{issuer.name}"


def _jwks_cluster(issuer: Issuer) -> dict[str, Any]:
    uri = urlsplit(issuer.jwks_uri or "")
    tls = uri.scheme == "https"
    port = uri.port or (443 if tls else 80)
    return jwks_cluster(_cluster_name(issuer), uri.hostname or "", port, tls=tls)
