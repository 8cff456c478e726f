"""What the edge answers from files: the OpenAPI document and the page that shows it."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from gateway.envoy.answer_figures import ELSEWHERE
from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import ANSWERED_HERE, DISABLED, FIREWALL
from gateway.envoy.generated import GENERATED
from gateway.envoy.head import READING

__all__ = ["MAX_PAGE_BYTES", "page_routes"]

# Envoy holds them in memory; several times what they are.
MAX_PAGE_BYTES = 4 * 1024 * 1024
# Of a SHA-256: 64 bits distinguish the few versions of a page.
ETAG_DIGITS = 16
# Seconds. Short: a page is small, and a client that asks again after an upgrade should see it.
CACHE_CONTROL = "public, max-age=300"
# The page is text and style, so anything else in it was put there by somebody else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class _Page(NamedTuple):
    path: str
    file: str
    content_type: str


def page_routes(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the routes of both pages."""
    pages = (
        _Page("/openapi.json", config.openapi_path, "application/json"),
        _Page("/docs", config.docs_path, "text/html; charset=utf-8"),
    )
    return [route for page in pages for route in _routes_of(page)]


def _routes_of(page: _Page) -> list[dict[str, Any]]:
    etag = _etag(page)
    headers = {
        "etag": etag,
        "cache-control": CACHE_CONTROL,
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
    }
    reading = _header(":method", {"safe_regex": {"regex": READING}})
    unchanged = _header("if-none-match", {"contains": etag})
    match = {"path": page.path}
    body = {
        "body": {"filename": page.file},
        "body_format": _as_it_is(page.content_type),
    }
    return [
        _answer(match | {"headers": [reading, unchanged]}, {"status": 304}, headers),
        _answer(match | {"headers": [reading]}, {"status": 200, **body}, headers),
        _refused(match),
    ]


def _refused(match: dict[str, Any]) -> dict[str, Any]:
    route = _answer(match, {"status": 405}, {"allow": "GET, HEAD"})
    # Whatever comes with it, there is nothing to guard.
    return {**route, "typed_per_filter_config": {**ANSWERED_HERE, FIREWALL: DISABLED}}


def _answer(
    match: dict[str, Any], response: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": ELSEWHERE,
        "match": match,
        "direct_response": response,
        "response_headers_to_add": [
            {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for name, value in headers.items()
        ],
        # Envoy would send whoever has the page already to where it is.
        "response_headers_to_remove": ["location"],
        "typed_per_filter_config": ANSWERED_HERE,
    }


def _as_it_is(content_type: str) -> dict[str, Any]:
    """Keep the file from being dressed as an error, which direct answers are otherwise."""
    return {
        "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
        "content_type": content_type,
    }


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "string_match": match}


def _etag(page: _Page) -> str:
    """Name the content."""
    # Of the file here: where Envoy is to find it may be another machine.
    content = (GENERATED / Path(page.file).name).read_bytes()
    return f'"{hashlib.sha256(content).hexdigest()[:ETAG_DIGITS]}"'
