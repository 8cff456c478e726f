"""The errors of the API: one shape, and which statuses an operation can answer with."""

import re
from typing import NamedTuple

from gateway.envoy.contracts import PublicRpc
from gateway.openapi.schemas import Json

__all__ = ["ERROR_SCHEMA", "error_responses", "prose", "shared_responses"]


class _Shared(NamedTuple):
    """An error that operations have in common."""

    status: int
    name: str
    description: str


# What the edge itself answers, whatever the operation.
OF_THE_EDGE = (
    _Shared(408, "TooSlow", "The request took too long to arrive."),
    _Shared(429, "TooManyRequests", "Too many requests. `Retry-After` says when to come back."),
    _Shared(431, "HeadersTooLarge", "The request's headers are too large."),
    _Shared(500, "Internal", "Something went wrong on the server's side."),
    _Shared(502, "BrokenOff", "The service broke off its answer; try again."),
    _Shared(503, "Unavailable", "A service is unavailable; try again after the `RetryInfo`."),
    _Shared(504, "DeadlineExceeded", "The service took too long to answer."),
    _Shared(413, "BodyTooLarge", "The request's body is larger than 64 KiB."),
)
OF_BODIES = (
    _Shared(415, "NotJson", "The body does not say that it is JSON, or has a content coding."),
)
OF_TOKENS = (
    _Shared(401, "Unauthenticated", "The access token is missing, expired or not valid."),
    _Shared(403, "PermissionDenied", "The token lacks the scope, or names another user."),
)
# The status that the edge gives each code that a service can answer.
STATUS_OF_CODE = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "UNAVAILABLE": 503,
}
MALFORMED = (
    "The request is malformed: not JSON by RFC 8259, a field or parameter that is unknown or given "
    "twice, a value of a wrong type."
)
_CODE = r"(?:" + "|".join(STATUS_OF_CODE) + r")(?: \([A-Z_]+\))?"
_ERROR = re.compile(rf"({_CODE}): (.+?)(?= {_CODE}:|$)")

ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "What every error looks like.",
    "properties": {
        "code": {
            "type": "integer",
            "description": "The google.rpc.Code, such as 5 for NOT_FOUND.",
            "minimum": 1,
            "maximum": 16,
        },
        "message": {"type": "string", "description": "A sentence for the developer."},
        "details": {
            "type": "array",
            "description": "Messages of google.rpc: ErrorInfo with a stable `reason`, BadRequest "
            "with the field at fault, RetryInfo with the time to wait.",
            "items": {
                "type": "object",
                "properties": {"@type": {"type": "string"}},
                "required": ["@type"],
            },
        },
    },
    "required": ["code", "message", "details"],
    "additionalProperties": False,
}


def prose(comment: str) -> str:
    """Return an RPC's comment without the errors that it names."""
    return _ERROR.sub("", _on_one_line(comment)).strip()


def error_responses(rpc: PublicRpc) -> Json:
    """Return the error responses of an operation, by status."""
    found = {400: [MALFORMED]}
    for code, words in _ERROR.findall(_on_one_line(rpc.comment)):
        status = STATUS_OF_CODE[code.split(" ")[0]]
        found.setdefault(status, []).append(f"{code}: {words.strip()}")
    own = {str(status): _error("\n\n".join(lines)) for status, lines in found.items()}
    shared = {str(one.status): _to_component(one) for one in _shared_by(rpc)}
    return dict(sorted((shared | own).items()))


def shared_responses() -> Json:
    """Return the responses that operations point to."""
    everything = (*OF_TOKENS, *OF_BODIES, *OF_THE_EDGE)
    return {one.name: _error(one.description) for one in everything}


def _on_one_line(comment: str) -> str:
    return " ".join(comment.split())


def _shared_by(rpc: PublicRpc) -> tuple[_Shared, ...]:
    tokens = () if rpc.scope is None else OF_TOKENS
    return (*tokens, *(OF_BODIES if rpc.body else ()), *OF_THE_EDGE)


def _to_component(shared: _Shared) -> Json:
    return {"$ref": f"#/components/responses/{shared.name}"}


def _error(description: str) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": description, "content": content}
