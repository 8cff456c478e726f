"""Errors that Envoy itself answers, in the JSON shape that services' errors have at the edge.

`{"code": <google.rpc.Code>, "message": "...", "details": [...]}`, as the transcoder renders a
`google.rpc.Status`; UNAVAILABLE comes with a `RetryInfo`, as it does from services.
"""

from typing import Any, NamedTuple

from gateway.edge.auth import CLAIMS_KEY, FAILURE_KEY, JWKS_UNREACHABLE
from gateway.edge.extensions import JWT_AUTHN
from gateway.edge.public_reads import REFUSALS as TOKENS_MISSING
from gateway.edge.waf import REFUSALS, Refusal, refused_as

__all__ = ["local_reply_config"]

# Envoy's own words, where they tell the caller what to mend (a JSON parser's complaint).
ENVOYS_WORDS = "%LOCAL_REPLY_BODY%"


class _Reply(NamedTuple):
    """How one status of Envoy's is shown."""

    envoy_status: int
    code: int
    message: str
    shown_status: int | None = None
    condition: dict[str, Any] | None = None
    """What else must hold; an access log filter."""
    challenge: str | None = None
    """Of the `WWW-Authenticate` header."""


def _of_token(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Hold for a request of whose token the edge noted this."""
    path = [{"key": key} for key in keys]
    matcher = {"filter": JWT_AUTHN, "path": path, "value": value}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


KEYS_MISSING = _of_token({"string_match": {"exact": JWKS_UNREACHABLE}}, FAILURE_KEY, "message")
TOKEN_FAILED = _of_token({"present_match": True}, FAILURE_KEY, "message")
TOKEN_GOOD = _of_token({"present_match": True}, CLAIMS_KEY, "iss")

# google.rpc.Code for each status Envoy can make, in order of looking.
REPLIES = (
    # With words of ours before, as Envoy has none for some, such as an escaped slash in a path.
    _Reply(400, 3, f"malformed request: {ENVOYS_WORDS}"),
    # The issuer's keys cannot be had: the token may be good, and the caller should keep it.
    _Reply(401, 14, "tokens cannot be checked now; try again", 503, KEYS_MISSING),
    _Reply(401, 16, ENVOYS_WORDS),
    # Envoy takes a wrong audience for a lack of rights; it is a bad token like any other.
    _Reply(403, 16, ENVOYS_WORDS, 401, TOKEN_FAILED, 'Bearer error="invalid_token"'),
    _Reply(
        *(403, 7, "the token does not carry the scope that this takes", None),
        TOKEN_GOOD,
        'Bearer error="insufficient_scope"',
    ),
    _Reply(403, 7, "this is not allowed"),
    _Reply(404, 5, "no such path or method"),
    _Reply(405, 12, "this path does not take this method"),
    _Reply(408, 4, "the request took too long to arrive"),
    _Reply(413, 3, "the request body is too large"),
    _Reply(415, 3, "the request body must be JSON"),
    _Reply(429, 8, "too many requests"),
    _Reply(431, 3, "the request headers are too large"),
    _Reply(500, 13, "internal error"),
    _Reply(502, 14, "the service broke off its answer; try again"),
    _Reply(503, 14, "the service is unavailable; try again"),
    _Reply(504, 4, "the service took too long to answer"),
)
LEAST_ERROR_STATUS = 400
# google.rpc.Code of any other.
UNKNOWN = 2
UNAVAILABLE = 14
# A service that died is started again, and found healthy, in about this time.
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"}


def _body(code: int, message: str) -> dict[str, Any]:
    details = [RETRY_INFO] if code == UNAVAILABLE else []
    return {"json_format": {"code": code, "message": message, "details": details}}


def _when(comparison: str, status: int, code: int, message: str) -> dict[str, Any]:
    """Dress an answer whose status compares so to `status`."""
    value = {"default_value": status, "runtime_key": f"aviary.local_reply.{comparison}.{status}"}
    return {
        "filter": {"status_code_filter": {"comparison": {"op": comparison, "value": value}}},
        "body_format_override": _body(code, message),
    }


def _mapper(reply: _Reply) -> dict[str, Any]:
    mapper = _when("EQ", reply.envoy_status, reply.code, reply.message)
    if reply.condition is not None:
        mapper["filter"] = {"and_filter": {"filters": [mapper["filter"], reply.condition]}}
    if reply.shown_status is not None:
        mapper["status_code"] = reply.shown_status
    if reply.challenge is not None:
        mapper |= _challenge(reply.challenge)
    return mapper


def _challenge(value: str) -> dict[str, Any]:
    header = {"key": "www-authenticate", "value": value}
    added = {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {"headers_to_add": [added]}


def _refusal(name: str, shown: Refusal) -> dict[str, Any]:
    return {
        "filter": refused_as(name),
        "status_code": shown.status,
        "body_format_override": _body(shown.code, shown.message),
    }


def local_reply_config() -> dict[str, Any]:
    """Give the connection manager's `local_reply_config`."""
    # Not as the format of all: the pages that the edge answers by itself are no errors.
    others = _when("GE", LEAST_ERROR_STATUS, UNKNOWN, ENVOYS_WORDS)
    refusals = [_refusal(name, shown) for name, shown in REFUSALS.items()]
    refusals += [
        _refusal(name, shown) | _challenge('Bearer realm="aviary"')
        for name, shown in TOKENS_MISSING.items()
    ]
    return {"mappers": [*refusals, *map(_mapper, REPLIES), others]}
