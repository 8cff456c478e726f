"""Requests that no client of ours sends are refused before anything reads them.

Few rules, each for an attack that would reach something. There are none for the paths that
scanners try (`/.env`, `/wp-login.php`) nor for their user agents: unknown paths are 404 at the cost
of a look into a map, they cost the sender reputation, and a user agent is whatever one writes.
"""

from functools import partial
from typing import Any, NamedTuple

from gateway.envoy.credentials import APP_KEY_HEADER
from gateway.envoy.extensions import API, http_filter, typed
from gateway.envoy.grpc_headers import CHECKED_HEADERS, RPC_PATHS
from services.media.spec import UPLOADS_PATH

__all__ = ["GRPC", "JSON", "REFUSALS", "Refusal", "body_rules", "firewall", "found", "refused_as"]


class Refusal(NamedTuple):
    """How what a rule refuses is shown: HTTP status, google.rpc.Code, message."""

    status: int
    code: int
    message: str


# Fields of one value (RFC 9110, 5.3; for the host also RFC 9112, 3.2): of two, one program goes by
# the first and another by the last. Envoy joins repeated ones by commas, which no good one has.
# It calls the host `:authority`.
SINGLE = (":authority", "content-type", "origin", "access-control-request-method")

REFUSALS = {
    "encoding": Refusal(400, 3, "the path or query is not well encoded"),
    "body": Refusal(400, 3, "this method takes no body"),
    "tunnel": Refusal(405, 12, "the edge opens no tunnels"),
    "media-type": Refusal(
        *(415, 3),
        "the request body must be JSON, or a form or a picture where such is taken",
    ),
    "content-coding": Refusal(415, 3, "the request body must come without a content coding"),
    "credentials": Refusal(400, 3, "authorization must be a scheme and one credential"),
    "api-key": Refusal(400, 3, "there must be one API key at most"),
    "repeated": Refusal(
        *(400, 3),
        f"host, {', '.join(SINGLE[1:])} must each be there once at most",
    ),
    "idempotency-key": Refusal(400, 3, "Idempotency-Key must be UTF-8"),
    "grpc-timeout": Refusal(
        400, 3, "grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n"
    ),
    "grpc-encoding": Refusal(400, 3, "grpc-encoding must be identity, gzip or deflate"),
}
"""By the name of the rule."""

# Has no path, so no route can answer it. All other methods need no rule: a route takes those of its
# contract, and is 405 to the others.
TUNNEL = ("CONNECT",)
WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")

JSON = r"(?i)application/json[ \t]*(;.*)?"
"""Content types of JSON; media types ignore case (RFC 9110, 8.3.1)."""
# gRPC for clients with stubs: as Envoy knows it, which minds case.
GRPC = r"application/grpc(-web(-text)?)?([+;].*)?"
# Where OAuth 2 asks for forms.
FORM = r"(?i)application/x-www-form-urlencoded[ \t]*(;.*)?"
FORMS_PREFIX = "/oauth/"
# What it is, its bytes say; clients that know no type send that of any bytes.
PICTURE = r"(?i)(image/[a-z0-9.+-]+|application/octet-stream)"

# A scheme and what it takes, which has no blank or comma in Basic and Bearer. Envoy looks for
# `Bearer` anywhere in the header, and joins those that are repeated by commas.
ONE_CREDENTIAL = "([^ ,]+( +[^ ,]+)?)?"

# UTF-8 without control characters, byte by byte (RFC 3629): Envoy matches bytes, not characters.
_MORE = r"[\x80-\xbf]"
TEXT = (
    rf"([ -~]|[\xc2-\xdf]{_MORE}|\xe0[\xa0-\xbf]{_MORE}|\xed[\x80-\x9f]{_MORE}"
    rf"|[\xe1-\xec\xee\xef]{_MORE}{_MORE}|\xf0[\x90-\xbf]{_MORE}{_MORE}"
    rf"|[\xf1-\xf3]{_MORE}{_MORE}{_MORE}|\xf4[\x80-\x8f]{_MORE}{_MORE})*"
)

# Percent-encoded UTF-8 without control characters (RFC 3629): what is not that is an error in a
# proto string, and a null byte ends a string in many a library below.
_TAIL = "%[89AaBb][[:xdigit:]]"
WELL_ENCODED = (
    f"([^%]|%[2-6][[:xdigit:]]|%7[0-9A-Ea-e]|%([Cc][2-9A-Fa-f]|[Dd][[:xdigit:]]){_TAIL}"
    f"|%[Ee][[:xdigit:]]{_TAIL}{_TAIL}|%[Ff][0-4]{_TAIL}{_TAIL}{_TAIL})*"
)


def firewall() -> dict[str, Any]:
    """Build the filter that refuses by what is before a body, and so before there is one.

    The reply is shown by the name of the rule.
    """
    policies = {name: _policy(permission) for name, permission in _permissions().items()}
    # Matchers look at each of a header's values by itself, so that there are two of them only CEL
    # can see, which joins them by commas. It is reckoned only where there is a key.
    policies["api-key"]["condition"] = _joined_has_comma(APP_KEY_HEADER)
    return _denying(policies)


def body_rules() -> dict[str, Any]:
    """Build the filter that refuses bodies; it belongs behind the filter that has them whole.

    That filter gives a length to what came without one, in chunks or in HTTP/2 frames, so here
    each body has one: the headers a client chose say nothing of whether there is any.
    """
    has_body = _all(_present("content-length"), _not(_header("content-length", exact="0")))
    type_is = partial(_header, "content-type")
    form = _all(type_is(**_regex(FORM)), _header(":path", prefix=FORMS_PREFIX))
    picture = _all(type_is(**_regex(PICTURE)), _header(":path", prefix=UPLOADS_PATH))
    taken = _any(type_is(**_regex(JSON)), type_is(**_regex(GRPC)), form, picture)
    coded = _all(
        _present("content-encoding"), _not(_header("content-encoding", **_regex("(?i)identity")))
    )
    rules = {
        "body": _all(has_body, _method(WITHOUT_BODY)),
        "media-type": _all(has_body, _not(taken)),
        "content-coding": _all(has_body, coded),
    }
    return _denying({name: _policy(permission) for name, permission in rules.items()})


def refused_as(name: str) -> dict[str, Any]:
    """Build the filter of local replies that finds what a rule refused."""
    # The details, which the access log shows too, name the rule; only refusals are looked at.
    return found(f"response.code_details == 'rbac_access_denied_matched_policy[{name}]'")


def found(expression: str) -> dict[str, Any]:
    """Build the log filter that holds where an expression of CEL does."""
    cel = f"{API}.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": typed(cel, expression=expression),
        }
    }


def _permissions() -> dict[str, dict[str, Any]]:
    return {
        "encoding": _all(
            _header(":path", contains="%"), _not(_header(":path", **_regex(WELL_ENCODED)))
        ),
        "tunnel": _method(TUNNEL),
        "credentials": _all(
            _present("authorization"), _not(_header("authorization", **_regex(ONE_CREDENTIAL)))
        ),
        "api-key": _present(APP_KEY_HEADER),
        "repeated": _any(*(_header(name, contains=",") for name in SINGLE)),
        "idempotency-key": _all(
            _present("idempotency-key"), _not(_header("idempotency-key", **_regex(TEXT)))
        ),
        **{
            name: _all(
                _header(":path", prefix=RPC_PATHS),
                _present(name),
                _not(_header(name, **_regex(pattern))),
            )
            for name, pattern in CHECKED_HEADERS.items()
        },
    }


def _denying(policies: dict[str, Any]) -> dict[str, Any]:
    return http_filter("rbac", "RBAC", rules={"action": "DENY", "policies": policies})


def _joined_has_comma(header: str) -> dict[str, Any]:
    request = {"select_expr": {"operand": {"ident_expr": {"name": "request"}}, "field": "headers"}}
    value = {"call_expr": {"function": "_[_]", "args": [request, _text(header)]}}
    return {"call_expr": {"target": value, "function": "contains", "args": [_text(",")]}}


def _text(value: str) -> dict[str, Any]:
    return {"const_expr": {"string_value": value}}


def _policy(permission: dict[str, Any]) -> dict[str, Any]:
    return {"permissions": [permission], "principals": [{"any": True}]}


def _method(names: tuple[str, ...]) -> dict[str, Any]:
    return _any(*(_header(":method", exact=name) for name in names))


def _header(name: str, **match: Any) -> dict[str, Any]:  # noqa: ANN401 - a StringMatcher's fields
    return {"header": {"name": name, "string_match": match}}


def _regex(pattern: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": pattern}}


def _present(name: str) -> dict[str, Any]:
    return {"header": {"name": name, "present_match": True}}


def _not(rule: dict[str, Any]) -> dict[str, Any]:
    return {"not_rule": rule}


def _all(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"and_rules": {"rules": list(rules)}}


def _any(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"or_rules": {"rules": list(rules)}}
