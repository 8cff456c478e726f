"""API keys: what names an app, with a user's token or without one, and gives no right by itself.

A key is a JWT of the issuer's, for an audience of its own. So the edge checks it as it checks
tokens, remembers it as it remembers them, and its configuration does not grow with the apps.
Without a key a request costs the look for the header, and no more.
"""

from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.credentials import (
    APP_KEY_FAILURE,
    APP_KEY_HEADER,
    APP_KEY_ID_HEADER,
    APP_KEY_JOSE,
    APP_KEY_KEY,
    CLAIMS_KEY,
    CLIENT_HEADER,
    checked_jwt,
    claims,
    differing,
    has_token,
)
from gateway.envoy.extensions import HTTP_FILTERS, typed
from gateway.envoy.jwks import remote_jwks
from services.platform.tokens.issuers import ALONE, APP_KEY_AUDIENCE, BESIDE, Issuer

__all__ = ["OTHER_APP", "key_providers", "key_rules", "other_app_filter"]

OTHER_APP = "other-app"
"""The rule that a key and a token of two apps break."""

TOKEN_HEADER = "authorization"  # noqa: S105 - a name


def key_providers(config: EdgeConfig) -> dict[str, dict[str, Any]]:
    """Build the providers of keys: one for a key beside a token, one for a key alone.

    They differ in what names the app to all that follows: the token, or the key.
    """
    providers = {}
    for issuer in _with_keys(config):
        providers[_beside(issuer)] = _provider(issuer, {APP_KEY_ID_HEADER: "jti"})
        both = {APP_KEY_ID_HEADER: "jti", CLIENT_HEADER: "sub"}
        providers[_alone(issuer)] = _provider(issuer, both)
    return providers


def key_rules(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the rules for requests with a key; they belong before all others.

    A token that comes along must be good too. Without one the request goes on, as its app's, to
    where scopes are asked for, which a key has none of.
    """
    issuers = _with_keys(config)
    if not issuers:
        return []
    token = _any_of([issuer.name for issuer in config.issuers])
    beside = _any_of([_beside(issuer) for issuer in issuers])
    both = {"requires_all": {"requirements": [token, beside]}}
    return [
        _rule([APP_KEY_HEADER, TOKEN_HEADER], both),
        _rule([APP_KEY_HEADER], _any_of([_alone(issuer) for issuer in issuers])),
    ]


def other_app_filter(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filter that refuses one app's key with another's token, or with an unknown app's.

    No matcher compares two values, so this one condition is CEL, and is reckoned only where there
    are a token and a key.
    """
    if not _with_keys(config):
        return []
    has_key = {"header": {"name": APP_KEY_ID_HEADER, "present_match": True}}
    shown = has_token()
    names_app = claims("client_id", {"present_match": True})
    differ = differing((CLAIMS_KEY, "client_id"), (APP_KEY_KEY, "sub"))
    nameless = {"and_ids": {"ids": [shown, {"not_id": names_app}]}}
    policies = {
        OTHER_APP: {"permissions": [has_key], "principals": [names_app], "condition": differ},
        # Two names, so that logs distinguish them; one fault to whoever sent them.
        f"{OTHER_APP}-none": {"permissions": [has_key], "principals": [nameless]},
    }
    message = f"{HTTP_FILTERS}.rbac.v3.RBAC"
    rules = {"action": "DENY", "policies": policies}
    return [{"name": "aviary.app_keys", "typed_config": typed(message, rules=rules)}]


def _with_keys(config: EdgeConfig) -> list[Issuer]:
    return [issuer for issuer in config.issuers if issuer.app_keys_uri is not None]


def _provider(issuer: Issuer, headers: dict[str, str]) -> dict[str, Any]:
    notes = (APP_KEY_KEY, APP_KEY_JOSE, APP_KEY_FAILURE)
    checked = checked_jwt(issuer, [APP_KEY_AUDIENCE], {"name": APP_KEY_HEADER}, notes, headers)
    return {**checked, **remote_jwks(issuer, issuer.app_keys_uri)}


def _beside(issuer: Issuer) -> str:
    return f"{issuer.name}{BESIDE}"


def _alone(issuer: Issuer) -> str:
    return f"{issuer.name}{ALONE}"


def _rule(headers: list[str], requirement: dict[str, Any]) -> dict[str, Any]:
    present = [{"name": name, "present_match": True} for name in headers]
    return {"match": {"prefix": "/", "headers": present}, "requires": requirement}


def _any_of(providers: list[str]) -> dict[str, Any]:
    wanted = [{"provider_name": name} for name in providers]
    return wanted[0] if len(wanted) == 1 else {"requires_any": {"requirements": wanted}}
