"""Errors that Envoy itself answers, in the JSON shape that services' errors have at the edge.

`{"code": <google.rpc.Code>, "message": "...", "details": [...]}`, as the transcoder renders a
`google.rpc.Status`; UNAVAILABLE comes with a `RetryInfo`, as it does from services.
"""

from typing import Any, NamedTuple

from gateway.envoy.app_keys import OTHER_APP
from gateway.envoy.credentials import (
    APP_KEY_FAILURE,
    APP_KEY_KEY,
    CLAIMS_KEY,
    FAILURE_KEY,
    JWKS_UNREACHABLE,
    noted,
)
from gateway.envoy.extensions import JWT_AUTHN
from gateway.envoy.public_reads import REFUSALS as TOKENS_MISSING
from gateway.envoy.revoked import OUTDATED, REVOKED
from gateway.envoy.waf import REFUSALS, Refusal, refused_as
from services.platform.tokens.revocations import Revocable

__all__ = ["BY_GRPC", "local_reply_config"]

# Envoy's own words, where they say what to mend (a JSON parser's complaint).
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
    grpc_status: int | None = None
    """Where it is not what Envoy makes of the HTTP status."""


def _of_token(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Hold for a request of whose token the edge noted this."""
    matcher = {"filter": JWT_AUTHN, **noted(value, *keys)}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


KEYS_MISSING = _of_token({"string_match": {"exact": JWKS_UNREACHABLE}}, FAILURE_KEY, "message")
TOKEN_FAILED = _of_token({"present_match": True}, FAILURE_KEY, "message")
TOKEN_GOOD = _of_token({"present_match": True}, CLAIMS_KEY, "iss")
APP_KEYS_MISSING = _of_token(
    {"string_match": {"exact": JWKS_UNREACHABLE}}, APP_KEY_FAILURE, "message"
)
APP_KEY_FAILED = _of_token({"present_match": True}, APP_KEY_FAILURE, "message")
APP_KEY_GOOD = _of_token({"present_match": True}, APP_KEY_KEY, "jti")

BY_GRPC = {
    "header_filter": {
        "header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    }
}

TOO_LARGE = "the request body is too large"
KEY_ALONE = "an API key speaks for no user: send a token too"
INVALID_TOKEN = 'Bearer error="invalid_token"'  # noqa: S105 - a challenge
MISSING_TOKEN = 'Bearer realm="aviary"'  # noqa: S105 - as above
ENDED = Refusal(401, 16, "the session of this token has ended; log in again")
TOO_OLD = Refusal(401, 16, "the token is too old; refresh it")
OF_TWO_APPS = Refusal(403, 7, "the API key is of another app than the token")
DENIALS = {
    OTHER_APP: OF_TWO_APPS,
    f"{OTHER_APP}-none": OF_TWO_APPS,
    f"{REVOKED}-{Revocable.SESSION}": ENDED,
    f"{REVOKED}-{Revocable.USER}": ENDED,
    f"{REVOKED}-{Revocable.APP_KEY}": Refusal(401, 16, "the API key was revoked"),
    f"{OUTDATED}-{Revocable.SESSION}": TOO_OLD,
    f"{OUTDATED}-{Revocable.USER}": TOO_OLD,
    f"{OUTDATED}-{Revocable.APP_KEY}": Refusal(401, 16, "the API key is too old; make another"),
}
"""What rules refuse of good tokens and keys, by the rule's name."""

# google.rpc.Code for each status Envoy can make, in order of looking.
REPLIES = (
    # With words of ours before, as Envoy has none for some, such as an escaped slash in a path.
    _Reply(400, 3, f"malformed request: {ENVOYS_WORDS}"),
    _Reply(401, 14, "API keys cannot be checked now; try again", 503, APP_KEYS_MISSING),
    _Reply(401, 16, f"the API key is not good: {ENVOYS_WORDS}", None, APP_KEY_FAILED),
    _Reply(403, 16, f"the API key is not good: {ENVOYS_WORDS}", 401, APP_KEY_FAILED, INVALID_TOKEN),
    # The issuer's keys cannot be had: the token may be good, and the caller should keep it.
    _Reply(401, 14, "tokens cannot be checked now; try again", 503, KEYS_MISSING),
    _Reply(401, 16, ENVOYS_WORDS),
    # Envoy takes a wrong audience for a lack of rights; it is a bad token like any other.
    _Reply(403, 16, ENVOYS_WORDS, 401, TOKEN_FAILED, INVALID_TOKEN),
    _Reply(
        *(403, 7, "the token does not carry the scope that this takes", None),
        TOKEN_GOOD,
        'Bearer error="insufficient_scope"',
    ),
    _Reply(403, 16, KEY_ALONE, 401, APP_KEY_GOOD, "Bearer"),
    _Reply(403, 7, "this is not allowed"),
    _Reply(404, 5, "no such path or method"),
    _Reply(405, 12, "this path does not take this method"),
    _Reply(408, 4, "the request took too long to arrive"),
    # As services answer a message that is too large; Envoy would say UNKNOWN.
    _Reply(413, 3, TOO_LARGE, None, BY_GRPC, grpc_status=3),
    _Reply(413, 3, TOO_LARGE),
    _Reply(415, 3, "the request body must be JSON"),
    _Reply(429, 8, "too many requests"),
    _Reply(431, 3, "the request headers are too large"),
    _Reply(500, 13, "internal error"),
    _Reply(502, 14, "the service broke off its answer; try again"),
    _Reply(503, 14, "the service is unavailable; try again"),
    _Reply(504, 4, "the service took too long to answer"),
)
LEAST_ERROR_STATUS = 400
UNAUTHENTICATED = 401
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
    if reply.grpc_status is not None:
        mapper = _with_header(mapper, "grpc-status", str(reply.grpc_status))
    return mapper if reply.challenge is None else _challenging(mapper, reply.challenge)


def _refusal(name: str, shown: Refusal) -> dict[str, Any]:
    mapper = {
        "filter": refused_as(name),
        "status_code": shown.status,
        "body_format_override": _body(shown.code, shown.message),
    }
    return mapper if shown.status != UNAUTHENTICATED else _challenging(mapper, INVALID_TOKEN)


def _with_key_alone(name: str) -> dict[str, Any]:
    """Dress the same refusal of who has shown an API key instead."""
    mapper = _challenging(_refusal(name, Refusal(401, 16, KEY_ALONE)), "Bearer")
    return {**mapper, "filter": {"and_filter": {"filters": [mapper["filter"], APP_KEY_GOOD]}}}


def _challenging(mapper: dict[str, Any], challenge: str) -> dict[str, Any]:
    return _with_header(mapper, "www-authenticate", challenge)


def _with_header(mapper: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    header = {"key": name, "value": value}
    added = [{"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    return {**mapper, "headers_to_add": added}


def local_reply_config() -> dict[str, Any]:
    """Give the connection manager's `local_reply_config`."""
    # Not as the format of all: the pages that the edge answers by itself are no errors.
    others = _when("GE", LEAST_ERROR_STATUS, UNKNOWN, ENVOYS_WORDS)
    refusals = [_refusal(name, shown) for name, shown in {**REFUSALS, **DENIALS}.items()]
    for name, shown in TOKENS_MISSING.items():
        refusals += [_with_key_alone(name), _challenging(_refusal(name, shown), MISSING_TOKEN)]
    return {"mappers": [*refusals, *map(_mapper, REPLIES), others]}
