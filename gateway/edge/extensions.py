"""How Envoy names its extensions."""

from typing import Any

__all__ = ["API", "HTTP_FILTERS", "http_filter", "typed"]

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
