"""Which web pages may call the API from a browser."""

import re
from collections.abc import Sequence
from typing import Any

from gateway.envoy.extensions import HTTP_FILTERS, typed

__all__ = ["CORS_FILTER", "allowed_origin", "checked_origins", "cors_policy", "expose_headers"]

CORS_FILTER = "envoy.filters.http.cors"
ANY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "authorization, content-type, idempotency-key, if-none-match, last-event-id, traceparent, "
    "x-api-key, x-proof-of-work"
)
# What a page may read of an answer beyond what browsers show by themselves.
RESPONSE_HEADERS = (
    "etag, link, location, retry-after, x-rate-limit-limit, x-rate-limit-remaining, "
    "x-rate-limit-reset, x-request-id"
)
# gRPC-Web in a browser sends these, and reads the status from headers when there is no body.
GRPC_WEB_REQUEST_HEADERS = "x-grpc-web, x-user-agent, grpc-timeout"
GRPC_WEB_RESPONSE_HEADERS = "grpc-status, grpc-message, grpc-status-details-bin"
# Seconds a browser remembers the answer; the longest that browsers heed.
MAX_AGE = "7200"

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


def checked_origins(text: str) -> tuple[str, ...]:
    """Read origins from a comma-separated list; `ValueError` names one that is none."""
    origins = tuple(one.strip() for one in text.split(",") if one.strip())
    for origin in origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin such as https://app.example")
    return origins


def cors_policy(origins: Sequence[str]) -> dict[str, Any]:
    """Build the policy of the whole API.

    Without credentials: clients send tokens by themselves, and a browser is to add none.
    """
    return typed(
        f"{HTTP_FILTERS}.cors.v3.CorsPolicy",
        allow_origin_string_match=[_match(origin) for origin in origins],
        allow_methods=METHODS,
        allow_headers=f"{REQUEST_HEADERS}, {GRPC_WEB_REQUEST_HEADERS}",
        expose_headers=expose_headers(),
        max_age=MAX_AGE,
        # To other origins it says nothing, which is what stops the browser.
        forward_not_matching_preflights=False,
    )


def expose_headers() -> str:
    """Name the headers of answers that pages may read."""
    return f"{RESPONSE_HEADERS}, {GRPC_WEB_RESPONSE_HEADERS}"


def allowed_origin(origins: Sequence[str]) -> str:
    """Give Envoy's format of the request's origin, which is empty for one that is not allowed."""
    asked = "request.headers['origin']"
    if ANY in origins:
        return f"%CEL({asked})%"
    listed = ", ".join(f"'{origin}'" for origin in origins)
    return f"%CEL({asked} in [{listed}] ? {asked} : '')%"


def _match(origin: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": ".*"}} if origin == ANY else {"exact": origin}
