"""The errors of the API: one shape, and which statuses an operation can answer with."""

from typing import NamedTuple

from gateway.envoy.contracts import PublicRpc
from gateway.openapi.headers import OF_ANY_ANSWER, OF_LIMITED, RETRY_AFTER, references
from gateway.openapi.named_errors import NamedError, errors_named
from gateway.openapi.schemas import Json
from services.platform.error_reasons import Reason
from services.platform.rpc.http_statuses import HTTP_STATUS

__all__ = ["ERROR_SCHEMA", "REASONS", "edge_responses", "error_responses", "shared_responses"]

OAUTH_PREFIX = "OAuth"
"""Of the names of those shared responses that are in OAuth's shape."""

REASONS = "x-reasons"
"""Of a response: the reasons that its `ErrorInfo` can give; the edge's own refusals have none."""


class _Shared(NamedTuple):
    """An error that operations have in common."""

    status: int
    name: str
    description: str
    reasons: tuple[Reason, ...] = ()


# What the edge itself answers, whatever the operation.
OF_THE_EDGE = (
    _Shared(408, "TooSlow", "The request took too long to arrive."),
    _Shared(
        429,
        "TooManyRequests",
        "Too many requests. `Retry-After` says when to come back; where a proof of work would let "
        "the request through, the reason is `STEP_UP_REQUIRED`, and the metadata says where to ask "
        "for its challenge.",
        (Reason.RATE_LIMITED, Reason.STEP_UP_REQUIRED),
    ),
    _Shared(431, "HeadersTooLarge", "The request's headers are too large."),
    _Shared(500, "Internal", "Something went wrong on the server's side.", (Reason.INTERNAL,)),
    _Shared(502, "BrokenOff", "The service broke off its answer; try again."),
    _Shared(
        503,
        "Unavailable",
        "A service is unavailable; try again after the `RetryInfo`.",
        (Reason.UNAVAILABLE,),
    ),
    _Shared(
        504,
        "DeadlineExceeded",
        "The service took too long to answer.",
        (Reason.DEADLINE_EXCEEDED,),
    ),
)
OF_BODIES = (
    _Shared(413, "BodyTooLarge", "The request's body is larger than 64 KiB."),
    _Shared(415, "NotJson", "The body does not say that it is JSON, or has a content coding."),
)
OF_TOKENS = (
    _Shared(401, "Unauthenticated", "The access token is missing, expired or not valid."),
    _Shared(
        403,
        "PermissionDenied",
        "The token lacks the scope, or names another user.",
        (Reason.NOT_THE_CALLER, Reason.NO_USER, Reason.CALLER_NAMED_TWICE),
    ),
)
TOO_MANY = 429
MALFORMED = (
    "The request is malformed: not JSON by RFC 8259, a field or parameter that is unknown or given "
    "twice, a value of a wrong type."
)

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


def error_responses(rpc: PublicRpc) -> Json:
    """Return the error responses of an operation, by status.

    Raises `ContractError` where the RPC's comment names a reason that does not go with its code.
    """
    shared = {one.status: one for one in _shared_by(rpc)}
    found = {400: [_Shared(400, "", MALFORMED, (Reason.INVALID_FIELD,))]}
    for error in errors_named(rpc.comment):
        status = HTTP_STATUS[error.code]
        common = [shared[status]] if status in shared else []
        found.setdefault(status, common).append(_own(status, error))
    own = {str(status): _error(status, *parts) for status, parts in found.items()}
    pointers = {str(status): _to_component(one) for status, one in shared.items()}
    return dict(sorted((pointers | own).items()))


def edge_responses(*, oauth: bool) -> Json:
    """Return what the edge itself answers, by status; in OAuth's shape where its clients ask."""
    prefix = OAUTH_PREFIX if oauth else ""
    return {str(one.status): _to_component(one, prefix) for one in OF_THE_EDGE}


def shared_responses() -> Json:
    """Return the responses that operations point to."""
    everything = (*OF_TOKENS, *OF_THE_EDGE, *OF_BODIES)
    to_oauth = {
        OAUTH_PREFIX + one.name: _error(one.status, one, schema="OAuthError") for one in OF_THE_EDGE
    }
    return {one.name: _error(one.status, one) for one in everything} | to_oauth


def _own(status: int, error: NamedError) -> _Shared:
    return _Shared(status, "", f"{error.code} ({error.reason}): {error.words}", (error.reason,))


def _shared_by(rpc: PublicRpc) -> tuple[_Shared, ...]:
    tokens = () if rpc.scope is None else OF_TOKENS
    bodies = OF_BODIES if rpc.body else OF_BODIES[:1]
    return (*tokens, *OF_THE_EDGE, *bodies)


def _to_component(shared: _Shared, prefix: str = "") -> Json:
    return {"$ref": f"#/components/responses/{prefix}{shared.name}"}


def _error(status: int, *parts: _Shared, schema: str = "Error") -> Json:
    reasons = sorted({reason for part in parts for reason in part.reasons})
    limited = OF_LIMITED | ({RETRY_AFTER} if status == TOO_MANY else set())
    return {
        "description": "\n\n".join(part.description for part in parts),
        "headers": references(OF_ANY_ANSWER | limited),
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        **({REASONS: reasons} if reasons else {}),
    }
