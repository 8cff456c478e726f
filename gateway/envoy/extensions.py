"""How Envoy names its extensions."""

from typing import Any

__all__ = [
    "ANSWERED_HERE",
    "API",
    "DISABLED",
    "FIREWALL",
    "HTTP_FILTERS",
    "JWT_AUTHN",
    "SCOPES_FILTER",
    "TRANSCODER",
    "http_filter",
    "typed",
]

API = "type.googleapis.com/envoy"
HTTP_FILTERS = f"{API}.extensions.filters.http"


def typed(type_url: str, **settings: object) -> dict[str, Any]:
    """Give settings the type that Envoy reads them by."""
    return {"@type": type_url, **settings}


def http_filter(name: str, message: str, **settings: object) -> dict[str, Any]:
    """Name a filter and its settings: `http_filter("router", "Router")`."""
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": typed(f"{HTTP_FILTERS}.{name}.v3.{message}", **settings),
    }


JWT_AUTHN = "envoy.filters.http.jwt_authn"
FIREWALL = "envoy.filters.http.rbac"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
SCOPES_FILTER = "aviary.scopes"
DISABLED = typed(f"{API}.config.route.v3.FilterConfig", disabled=True)
"""A filter's settings on a route that it is to leave alone."""

# The filters that look for an RPC, and would refuse a path that is none.
ANSWERED_HERE = dict.fromkeys((TRANSCODER, JWT_AUTHN, SCOPES_FILTER), DISABLED)
"""For routes that the edge answers by itself, or that lead to something else than an RPC."""
