"""The web client: files that the edge answers by itself, and the paths that open it.

A page names its scripts and styles under the digest of them all, so browsers keep these for good,
and a page never meets scripts of another release.
"""

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gateway.envoy.answer_figures import ELSEWHERE
from gateway.envoy.config import EdgeConfig
from gateway.envoy.extensions import ANSWERED_HERE, DISABLED, FIREWALL
from gateway.envoy.head import READING

__all__ = ["web_client_routes"]

PAGE: Final = "index.html"
FOLDER: Final = "/web/"
"""What the page calls the folder of its files."""
OPENS: Final[tuple[dict[str, Any], ...]] = (
    *({"path": path} for path in ("/", "/callback", "/search", "/notifications")),
    *({"path": path} for path in ("/requests", "/muted-words")),
    # How long a handle is, the script knows: Envoy refuses programs of more than 100 steps.
    {"safe_regex": {"regex": "/@[A-Za-z0-9_]+(/(followers|following|status/[0-9]+))?"}},
)
"""The paths that the script finds its way by (`web/js/router.js`)."""
CONTENT_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
"""Of the files that are served; others of the folder are not."""
# Of a SHA-256: 64 bits distinguish the few versions of a client.
ETAG_DIGITS: Final = 16
# The page is asked for anew each time, its files never: another file has another address.
OF_PAGE: Final = "no-cache"
OF_FILES: Final = "public, max-age=31536000, immutable"
# Nothing but its own files; no text becomes a script or markup, whatever a user has written;
# pictures of its own origin and those that the person has just chosen.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = MappingProxyType(
    {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        # An address holds a code for a moment, and whose thread is read.
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
)

Route = dict[str, Any]


def web_client_routes(config: EdgeConfig) -> list[Route]:
    """Build the routes of page and files; none where the edge serves no client."""
    if config.web_client is None:
        return []
    folder = Path(config.web_client)
    files = sorted(path for path in folder.rglob("*") if path.suffix in CONTENT_TYPES)
    digest = _digest([folder / PAGE, *files])
    below = f"{FOLDER}{digest}/"
    # The page is small, and has the digest in it.
    page = (folder / PAGE).read_text().replace(f'"{FOLDER}', f'"{below}')
    routes: list[Route] = []
    for match in OPENS:
        routes += _read(match, {"inline_string": page}, "text/html; charset=utf-8", digest, OF_PAGE)
    for path in files:
        match = {"path": f"{below}{path.relative_to(folder).as_posix()}"}
        content_type = CONTENT_TYPES[path.suffix]
        routes += _read(match, {"filename": str(path)}, content_type, digest, OF_FILES)
    return [*routes, *(_refused(match) for match in (*OPENS, {"prefix": below}))]


def _read(
    match: Route, body: dict[str, str], content_type: str, digest: str, kept: str
) -> list[Route]:
    """Build the routes of who has it already, and of who has not."""
    etag = f'"{digest}"'
    headers = {**HEADERS, "etag": etag, "cache-control": kept}
    reading = _header(":method", {"safe_regex": {"regex": READING}})
    has_it = _header("if-none-match", {"contains": etag})
    # As it is, and not dressed as an error, which direct answers are otherwise.
    body_format = {
        "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
        "content_type": content_type,
    }
    answer = {"status": 200, "body": body, "body_format": body_format}
    return [
        _answer(match | {"headers": [reading, has_it]}, {"status": 304}, headers),
        _answer(match | {"headers": [reading]}, answer, headers),
    ]


def _refused(match: Route) -> Route:
    reading = _header(":method", {"safe_regex": {"regex": READING}}) | {"invert_match": True}
    route = _answer(match | {"headers": [reading]}, {"status": 405}, {"allow": "GET, HEAD"})
    # Whatever comes with it, there is nothing to guard.
    return {**route, "typed_per_filter_config": {**ANSWERED_HERE, FIREWALL: DISABLED}}


def _answer(match: Route, response: Route, headers: dict[str, str]) -> Route:
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


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "string_match": match}


def _digest(paths: list[Path]) -> str:
    """Name the content of all of them."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:ETAG_DIGITS]
