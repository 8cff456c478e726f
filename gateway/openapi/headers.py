"""The headers of answers, by their names in the document's components."""

from collections.abc import Iterable
from typing import Final

from gateway.openapi.schemas import Json

__all__ = ["HEADERS", "NEXT_PAGE", "OF_ANY_ANSWER", "OF_LIMITED", "RETRY_AFTER", "references"]

_PAGE: Final = '<[?][^>]+>; rel="(next|prev)"'
WHOLE: Final = {"type": "string", "pattern": "^[0-9]+$"}
HEADERS: Final[Json] = {
    "x-request-id": {
        "description": "Names the request in our logs and traces: say it when you report a fault.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "x-rate-limit-limit": {
        "description": "Requests that the full budget allows at once.",
        "schema": WHOLE,
    },
    "x-rate-limit-remaining": {"description": "Requests left now.", "schema": WHOLE},
    "x-rate-limit-reset": {
        "description": "Seconds until one more request is let through; 0 when one would be now.",
        "schema": WHOLE,
    },
    "link": {
        "description": "The next page, with `rel` as `next` (RFC 8288), absent at the end; and the "
        "one before, as `prev`, where answers have a `previous_cursor`.",
        "schema": {"type": "string", "pattern": f"^{_PAGE}(, {_PAGE})?$"},
    },
    "retry-after": {"description": "Seconds to wait, 1 at least.", "schema": WHOLE},
}
NEXT_PAGE: Final = "link"
RETRY_AFTER: Final = "retry-after"
OF_ANY_ANSWER: Final = frozenset({"x-request-id"})
OF_LIMITED: Final = frozenset(name for name in HEADERS if name.startswith("x-rate-limit-"))
"""Where limits are on, of what they count."""


def references(names: Iterable[str]) -> Json:
    """Point to headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
