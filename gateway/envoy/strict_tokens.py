"""What Envoy's check of tokens and API keys lets pass, and their standards do not.

A header that must be understood and is not (RFC 7515, 4.1.11). An audience that is ours but for a
scheme before it or a slash behind it, though audiences are compared by the letter (RFC 7519,
4.1.3). A claim that is no id, or no text for a header, though limits, revocations and services go
by it.
"""

from collections.abc import Sequence
from typing import Any

from gateway.envoy.config import EdgeConfig
from gateway.envoy.credentials import (
    APP_KEY_ID_HEADER,
    APP_KEY_JOSE,
    APP_KEY_KEY,
    CLAIMS_KEY,
    CLIENT_HEADER,
    JOSE_KEY,
    SESSION_HEADER,
    says,
)
from gateway.envoy.extensions import HTTP_FILTERS, typed
from gateway.envoy.waf import Refusal
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from services.platform.tokens.issuers import APP_KEY_AUDIENCE

__all__ = ["REFUSALS", "strict_filter"]

REFUSALS = {
    "critical": Refusal(401, 16, "a header that is critical to the token or key is not understood"),
    "audience": Refusal(401, 16, "the token or key is for another audience"),
    "claims": Refusal(401, 16, "a claim of the token or key is malformed"),
}
"""By the name of the rule that a token or key breaks."""

# A user's id as services write it, in 63 bits; or what is no number, such as an app's id.
SUBJECT = "[1-9][0-9]{0,18}|[!-~]*[!-/:-~][!-~]*"
# Of RFC 6749 and 7519, what goes into a header as it is.
WORD = "[!-~]+"
SCOPES = "[ -~]*"
CLAIMS = {
    USER_KEY: SUBJECT,
    SCOPE_KEY: SCOPES,
    CLIENT_HEADER: WORD,
    SESSION_HEADER: WORD,
    APP_KEY_ID_HEADER: WORD,
}
"""By the header that a claim is put into."""

Rule = dict[str, Any]


def strict_filter(config: EdgeConfig) -> dict[str, Any]:
    """Build the filter that refuses; it belongs behind the filter of tokens."""
    policies = {
        "critical": _of_anything([_present(JOSE_KEY, "crit"), _present(APP_KEY_JOSE, "crit")]),
        "audience": _of_anything([_of_another_token(config), _of_another_key()]),
        "claims": {
            "permissions": [_malformed(name, pattern) for name, pattern in CLAIMS.items()],
            "principals": [{"any": True}],
        },
    }
    message = f"{HTTP_FILTERS}.rbac.v3.RBAC"
    rules = {"action": "DENY", "policies": policies}
    return {"name": "aviary.strict_tokens", "typed_config": typed(message, rules=rules)}


def _of_anything(principals: list[Rule]) -> Rule:
    return {"permissions": [{"any": True}], "principals": principals}


def _present(*path: str) -> Rule:
    return says({"present_match": True}, *path)


def _of_another_token(config: EdgeConfig) -> Rule:
    ours = [
        _all(
            says({"string_match": {"exact": issuer.issuer}}, CLAIMS_KEY, "iss"),
            _has_audience(issuer.audiences, CLAIMS_KEY),
        )
        for issuer in config.issuers
    ]
    shown = _present(CLAIMS_KEY, "iss")
    return _all(shown, {"not_id": {"or_ids": {"ids": ours}}}) if ours else shown


def _of_another_key() -> Rule:
    ours = _has_audience([APP_KEY_AUDIENCE], APP_KEY_KEY)
    return _all(_present(APP_KEY_KEY, "iss"), {"not_id": ours})


def _has_audience(audiences: Sequence[str], note: str) -> Rule:
    """Hold where the claim is one of these, or a list that has one of them."""
    exact = [{"string_match": {"exact": audience}} for audience in audiences]
    found = [says(one, note, "aud") for one in exact]
    found += [says({"list_match": {"one_of": one}}, note, "aud") for one in exact]
    return {"or_ids": {"ids": found}}


def _malformed(header: str, pattern: str) -> Rule:
    fits = {"header": {"name": header, "string_match": {"safe_regex": {"regex": pattern}}}}
    present = {"header": {"name": header, "present_match": True}}
    return {"and_rules": {"rules": [present, {"not_rule": fits}]}}


def _all(*ids: Rule) -> Rule:
    return {"and_ids": {"ids": list(ids)}}
