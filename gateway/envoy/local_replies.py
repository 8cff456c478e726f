"""Errors that Envoy itself answers, in the JSON shape that services' errors have at the edge.

`{"code": <google.rpc.Code>, "message": "...", "details": [...]}`, as the transcoder renders a
`google.rpc.Status`; UNAVAILABLE comes with a `RetryInfo`, as it does from services.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.envoy.app_keys import OTHER_APP
from gateway.envoy.credentials import (
    APP_KEY_FAILURE,
    APP_KEY_KEY,
    CLAIMS_KEY,
    FAILURE_KEY,
    JWKS_UNREACHABLE,
    JWT_MISSING,
    noted,
)
from gateway.envoy.extensions import JWT_AUTHN
from gateway.envoy.grpc_replies import ToGrpc, added, grpc_reply
from gateway.envoy.log_filters import all_of, path_is, status
from gateway.envoy.public_reads import REFUSALS as TOKENS_MISSING
from gateway.envoy.revoked import OUTDATED, REVOKED, WITHDRAWN
from gateway.envoy.strict_tokens import REFUSALS as MALFORMED
from gateway.envoy.waf import REFUSALS, Refusal, found, refused_as
from services.identity.spec import OAUTH_ERRORS, OAUTH_PATHS
from services.platform.tokens.revocations import Revocable

__all__ = ["local_reply_config"]

# Envoy's own words, where they say what to mend (a JSON parser's complaint).
ENVOYS_WORDS = "%LOCAL_REPLY_BODY%"
# Its name for the reason, where it has no words: of a request that it could not read, or whose path
# it could not normalize (`http1.invalid_characters`, `path_normalization_failed`).
ENVOYS_REASON = "%RESPONSE_CODE_DETAILS%"
WITHOUT_WORDS = r"^(http[123][.]|missing_host_header$|path_normalization_failed$)"


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
    to_grpc: ToGrpc | None = None
    """Where gRPC has other words for it."""


def _of_token(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Hold for a request of whose token the edge noted this."""
    matcher = {"filter": JWT_AUTHN, **noted(value, *keys)}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


KEYS_MISSING = _of_token({"string_match": {"exact": JWKS_UNREACHABLE}}, FAILURE_KEY, "message")
# By the details, as the check leaves a note of a token that is missing in some setups only.
TOKEN_MISSING = found(
    f"response.code_details == 'jwt_authn_access_denied{{{JWT_MISSING.replace(' ', '_')}}}'"
)
TOKEN_FAILED = _of_token({"present_match": True}, FAILURE_KEY, "message")
TOKEN_GOOD = _of_token({"present_match": True}, CLAIMS_KEY, "iss")
APP_KEYS_MISSING = _of_token(
    {"string_match": {"exact": JWKS_UNREACHABLE}}, APP_KEY_FAILURE, "message"
)
APP_KEY_FAILED = _of_token({"present_match": True}, APP_KEY_FAILURE, "message")
APP_KEY_GOOD = _of_token({"present_match": True}, APP_KEY_KEY, "jti")

KEY_FAULT = "the API key is not good"
# To gRPC, what was noted of the check: there is no body to quote from.
BAD_TOKEN = ToGrpc(16, f"%DYNAMIC_METADATA({JWT_AUTHN}:{FAILURE_KEY}:message)%")
BAD_KEY = ToGrpc(16, f"{KEY_FAULT}: %DYNAMIC_METADATA({JWT_AUTHN}:{APP_KEY_FAILURE}:message)%")
KEY_ALONE = "an API key speaks for no user: send a token too"
INVALID_TOKEN = 'Bearer error="invalid_token"'  # noqa: S105 - a challenge
MISSING_TOKEN = 'Bearer realm="aviary"'  # noqa: S105 - as above
ENDED = Refusal(401, 16, "the session of this token has ended; log in again")
TOO_OLD = Refusal(401, 16, "the token is too old; refresh it")
OF_TWO_APPS = Refusal(403, 7, "the API key is of another app than the token")
DENIALS = {
    OTHER_APP: OF_TWO_APPS,
    f"{OTHER_APP}-none": OF_TWO_APPS,
    WITHDRAWN: Refusal(401, 16, "the key that signed the token or API key was withdrawn"),
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
    _Reply(
        *(400, 3, f"malformed request: {ENVOYS_REASON}"),
        condition=found(f"response.code_details.matches('{WITHOUT_WORDS}')"),
        to_grpc=ToGrpc(3, f"malformed request: {ENVOYS_REASON}"),
    ),
    _Reply(
        400,
        3,
        f"malformed request: {ENVOYS_WORDS}",
        to_grpc=ToGrpc(3, "malformed request"),
    ),
    _Reply(401, 14, "API keys cannot be checked now; try again", 503, APP_KEYS_MISSING),
    _Reply(
        *(401, 16, f"{KEY_FAULT}: {ENVOYS_WORDS}", None, APP_KEY_FAILED),
        to_grpc=BAD_KEY,
    ),
    _Reply(
        *(403, 16, f"{KEY_FAULT}: {ENVOYS_WORDS}", 401, APP_KEY_FAILED, INVALID_TOKEN),
        to_grpc=BAD_KEY,
    ),
    # The issuer's keys cannot be had: the token may be good, and the caller should keep it.
    _Reply(401, 14, "tokens cannot be checked now; try again", 503, KEYS_MISSING),
    _Reply(401, 16, ENVOYS_WORDS, None, TOKEN_MISSING, MISSING_TOKEN, ToGrpc(16, JWT_MISSING)),
    _Reply(401, 16, ENVOYS_WORDS, None, None, INVALID_TOKEN, BAD_TOKEN),
    # Envoy takes a wrong audience for a lack of rights; it is a bad token like any other.
    _Reply(403, 16, ENVOYS_WORDS, 401, TOKEN_FAILED, INVALID_TOKEN, BAD_TOKEN),
    _Reply(
        *(403, 7, "the token does not carry the scope that this takes", None),
        TOKEN_GOOD,
        'Bearer error="insufficient_scope"',
    ),
    _Reply(403, 16, KEY_ALONE, 401, APP_KEY_GOOD, "Bearer"),
    _Reply(403, 7, "this is not allowed"),
    _Reply(404, 5, "no such path or method", to_grpc=ToGrpc(12, "no such method")),
    _Reply(405, 12, "this path does not take this method"),
    _Reply(408, 4, "the request took too long to arrive"),
    _Reply(413, 3, "the request body is too large", to_grpc=ToGrpc(8, "the message is too large")),
    _Reply(415, 3, "the request body must be JSON"),
    _Reply(429, 8, "too many requests"),
    _Reply(431, 3, "the request headers are too large"),
    _Reply(500, 13, "internal error"),
    # Envoy's for a transfer coding that it does not know: what it was sent, and no fault of ours.
    _Reply(501, 3, "malformed request: the only transfer coding is chunked", 400),
    _Reply(502, 14, "the service broke off its answer; try again"),
    _Reply(503, 14, "the service is unavailable; try again"),
    _Reply(504, 4, "the service took too long to answer"),
)
LEAST_ERROR_STATUS = 400
UNAUTHENTICATED = 401
FORBIDDEN = 403
NO_SUCH_METHOD = 405
# What some path takes: a tunnel is asked for of no path.
METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST"
# google.rpc.Code of any other.
UNKNOWN = 2
UNAVAILABLE = 14
# A service that died is started again, and found healthy, in about this time.
RETRY_AFTER_S = 1
RETRY_INFO = {
    "@type": "type.googleapis.com/google.rpc.RetryInfo",
    "retry_delay": f"{RETRY_AFTER_S}s",
}

Mapper = dict[str, Any]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def local_reply_config() -> dict[str, Any]:
    """Give the connection manager's `local_reply_config`."""
    refusals = [
        _refusal(name, shown) for name, shown in {**REFUSALS, **MALFORMED, **DENIALS}.items()
    ]
    for name, shown in TOKENS_MISSING.items():
        refusals += [_with_key_alone(name), _refusal(name, shown, MISSING_TOKEN)]
    # Not as the format of all: the pages that the edge answers by itself are no errors.
    others = _shapes(
        status("GE", LEAST_ERROR_STATUS),
        Refusal(0, UNKNOWN, ENVOYS_WORDS),
        to_grpc=ToGrpc(UNKNOWN, "the request was refused"),
    )
    mappers = [*refusals, *map(_reply, REPLIES), others]
    return {"mappers": [one for shapes in mappers for one in shapes]}


def _reply(reply: _Reply) -> list[Mapper]:
    condition = status("EQ", reply.envoy_status)
    if reply.condition is not None:
        condition = all_of(condition, reply.condition)
    shown = Refusal(reply.shown_status or reply.envoy_status, reply.code, reply.message)
    of_rpcs = reply.envoy_status in {UNAUTHENTICATED, FORBIDDEN}
    return _shapes(condition, shown, _challenge(reply.challenge), reply.to_grpc, of_rpcs=of_rpcs)


def _refusal(name: str, shown: Refusal, challenge: str = INVALID_TOKEN) -> list[Mapper]:
    headers = NO_HEADERS
    if shown.status == UNAUTHENTICATED:
        headers = _challenge(challenge)
    elif shown.status == NO_SUCH_METHOD:
        headers = {"allow": METHODS}
    return _shapes(refused_as(name), shown, headers, of_rpcs=name not in REFUSALS)


def _challenge(said: str | None) -> Mapping[str, str]:
    return NO_HEADERS if said is None else {"www-authenticate": said}


def _with_key_alone(name: str) -> list[Mapper]:
    """Dress the same refusal of who has shown an API key instead."""
    condition = all_of(refused_as(name), APP_KEY_GOOD)
    return _shapes(condition, Refusal(401, 16, KEY_ALONE), _challenge("Bearer"), of_rpcs=True)


def _shapes(
    condition: dict[str, Any],
    shown: Refusal,
    headers: Mapping[str, str] = NO_HEADERS,
    to_grpc: ToGrpc | None = None,
    *,
    of_rpcs: bool = False,
) -> list[Mapper]:
    """Dress what the condition holds for, to clients of gRPC, of OAuth, and to all others.

    `shown.status` of 0 leaves the status as it is. What is `of_rpcs` no path of OAuth meets: there
    the issuer itself looks at tokens.
    """
    retry_s = RETRY_AFTER_S if shown.code == UNAVAILABLE else None
    rest = {
        "filter": condition,
        **({"status_code": shown.status} if shown.status else {}),
        "body_format_override": _body(shown),
        **({"headers_to_add": added(headers)} if headers else {}),
    }
    words = to_grpc or ToGrpc(shown.code, shown.message)
    to_grpc_clients = grpc_reply(condition, words, headers, retry_s)
    if of_rpcs:
        return [to_grpc_clients, rest]
    to_oauth = rest | {
        "filter": all_of(condition, path_is(*OAUTH_PATHS)),
        "body_format_override": _oauth_body(shown),
    }
    return [to_grpc_clients, to_oauth, rest]


def _body(shown: Refusal) -> dict[str, Any]:
    return {"json_format": _fields(shown)}


def _oauth_body(shown: Refusal) -> dict[str, Any]:
    """Say it in both shapes: clients of OAuth read the first two, ours all the others."""
    error = OAUTH_ERRORS.get(shown.status, "invalid_request")
    said = {"error": error, "error_description": shown.message}
    return {"json_format": {**said, **_fields(shown)}}


def _fields(shown: Refusal) -> dict[str, Any]:
    details = [RETRY_INFO] if shown.code == UNAVAILABLE else []
    return {"code": shown.code, "message": shown.message, "details": details}
