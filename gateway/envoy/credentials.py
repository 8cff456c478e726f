"""What clients show, tokens and API keys, and where the edge notes what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.envoy.extensions import JWT_AUTHN
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from services.platform.tokens.issuers import Issuer
from services.platform.tokens.lives import CLOCK_SKEW_S

__all__ = [
    "APP_KEY_FAILURE",
    "APP_KEY_HEADER",
    "APP_KEY_ID_HEADER",
    "APP_KEY_JOSE",
    "APP_KEY_KEY",
    "CLAIMS_KEY",
    "CLIENT_HEADER",
    "EXPIRY_HEADER",
    "FAILURE_KEY",
    "IDENTITY_HEADERS",
    "JOSE_KEY",
    "JWKS_UNREACHABLE",
    "JWT_MISSING",
    "OF_THE_EDGE_ALONE",
    "SESSION_HEADER",
    "checked_jwt",
    "claims",
    "differing",
    "has_token",
    "issued_after",
    "noted",
    "says",
]

# Keys of dynamic metadata under `JWT_AUTHN`: what a token says, an API key says, what the header of
# each says (RFC 7515), and what is wrong with each.
CLAIMS_KEY = "claims"
JOSE_KEY = "jose"
FAILURE_KEY = "failure"
APP_KEY_KEY = "app_key"
APP_KEY_JOSE = "app_key_jose"
APP_KEY_FAILURE = "app_key_failure"
JWT_MISSING = "Jwt is missing"
"""Envoy's words where no token was shown."""
JWKS_UNREACHABLE = "Jwks remote fetch is failed"
"""Envoy's words for an issuer whose keys cannot be had, which is no fault of the token."""

APP_KEY_HEADER = "x-api-key"
CLIENT_HEADER = "x-client-id"
SESSION_HEADER = "x-session-id"
APP_KEY_ID_HEADER = "x-api-key-id"
EXPIRY_HEADER = "x-token-expires"
"""When the token expires, in Unix seconds: for services whose answers last."""
OF_THE_EDGE_ALONE = (SESSION_HEADER, APP_KEY_ID_HEADER)
"""By these the edge finds what was revoked; no service gets them."""
IDENTITY_HEADERS = (USER_KEY, SCOPE_KEY, CLIENT_HEADER, EXPIRY_HEADER, *OF_THE_EDGE_ALONE)
"""By these services, limits and the edge know end user and app. They are removed from what comes
in."""

# Checked tokens that each worker remembers, at 1-2 KiB each, so that a user's next request costs
# no signature check, which is 110 microseconds with ES256. Expiry is looked at every time.
VERIFIED_TOKENS = 10_000
# Bytes. Ours have 600; a token of a large issuer may have twice that many claims.
MAX_TOKEN_BYTES = 4096


def checked_jwt(
    issuer: Issuer,
    audiences: Sequence[str],
    source: Mapping[str, str],
    notes: tuple[str, str, str],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Build the provider of what `issuer` signs for these audiences, but for its keys.

    It comes in the header `source`; claims, the JWT's own header and failure go under `notes`, and
    of the claims into `headers`, header to claim. Remembered is only what an issuer of ours has
    signed, since the gateway says which of its keys were withdrawn.
    """
    said, jose, failure = notes
    checked = {
        "issuer": issuer.issuer,
        "audiences": list(audiences),
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        # Named, or Envoy would also take a token from the query, which is what logs keep.
        "from_headers": [dict(source)],
        "forward": False,
        "payload_in_metadata": said,
        "header_in_metadata": jose,
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
        "failed_status_in_metadata": failure,
        "claim_to_headers": [
            {"header_name": header, "claim_name": claim} for header, claim in headers.items()
        ],
    }
    if not issuer.is_watched:
        # Envoy goes on taking what it remembers when the key is gone, and nobody would tell it.
        return checked
    remembered = {"jwt_cache_size": VERIFIED_TOKENS, "jwt_max_token_size": MAX_TOKEN_BYTES}
    return {**checked, "jwt_cache_config": remembered}


def has_token() -> dict[str, Any]:
    """Build the principal of whoever showed a good token."""
    return claims("iss", {"present_match": True})


def claims(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Build the principal of whoever's token says this."""
    return says(value, CLAIMS_KEY, name)


def says(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """Build the principal of whose credentials this was noted under `path`."""
    matcher = {"filter": JWT_AUTHN, **noted(value, *path)}
    return {"sourced_metadata": {"metadata_matcher": matcher, "metadata_source": "DYNAMIC"}}


def noted(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """Build the matcher of what was noted of a request's credentials under `path`."""
    return {"path": [{"key": key} for key in path], "value": dict(value)}


def differing(one: Sequence[str], other: Sequence[str]) -> dict[str, Any]:
    """Build the CEL expression that two notes of the request's credentials are not the same."""
    return _call("_!=_", _cel(*one), _cel(*other))


def issued_after(note: str, time_s: int) -> dict[str, Any]:
    """Build the CEL expression that a token or key says it was issued later; noted under `note`."""
    return _call("_>_", _cel(note, "iat"), {"const_expr": {"double_value": time_s}})


def _cel(*path: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "select_expr": {"operand": {"ident_expr": {"name": "metadata"}}, "field": "filter_metadata"}
    }
    for key in (JWT_AUTHN, *path):
        found = _call("_[_]", found, {"const_expr": {"string_value": key}})
    return found


def _call(function: str, *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"call_expr": {"function": function, "args": list(arguments)}}
