"""What of the OpenID Foundation's plans is not held here, and why; as the page of them has it."""

from typing import Final

__all__ = ["NOT_APPLICABLE", "NOT_MET", "NOT_OF_DYNAMIC"]

ADR = "[ADR 6](../adr/0006-embedded-issuer-on-authlib.md)"
NO_SESSION: Final = f"needs a log-in session at the issuer, of which there is none ({ADR})"
NO_SCOPE: Final = "skipped by the suite where `scopes_supported` lacks the scope: no such data"
NO_REGISTRATION: Final = "apps are registered by operators: there is no registration endpoint"
NO_CLIENT_KEYS: Final = "apps have no keys: there is no `private_key_jwt`"

NOT_MET: Final = {
    "oidcc-prompt-none-logged-in": f"{NO_SESSION}: always `login_required`, without a page",
    "oidcc-max-age-10000": f"{NO_SESSION}: the user logs in anew, and `auth_time` says when",
    "oidcc-id-token-hint": f"{NO_SESSION}: `login_required` with `prompt=none`; without, kept to",
}
"""What the suite has a certified issuer do, and ours does otherwise; tests hold what it does."""
NOT_APPLICABLE: Final = {
    "oidcc-scope-profile": NO_SCOPE,
    "oidcc-scope-email": NO_SCOPE,
    "oidcc-scope-address": NO_SCOPE,
    "oidcc-scope-phone": NO_SCOPE,
    "oidcc-scope-all": NO_SCOPE,
    "oidcc-idtoken-unsigned": "in the plan for apps that register themselves; `none` is refused",
}
"""What the suite leaves out, by what the discovery document says."""
NOT_OF_DYNAMIC: Final = {
    "oidcc-userinfo-rs256": "userinfo is not signed: no `userinfo_signing_alg_values_supported`",
    "oidcc-registration-logo-uri": NO_REGISTRATION,
    "oidcc-registration-policy-uri": NO_REGISTRATION,
    "oidcc-registration-tos-uri": NO_REGISTRATION,
    "oidcc-registration-jwks-uri": NO_REGISTRATION,
    "oidcc-registration-sector-uri": NO_REGISTRATION,
    "oidcc-registration-sector-bad": NO_REGISTRATION,
    "oidcc-refresh-token-rp-key-rotation": NO_CLIENT_KEYS,
    "oidcc-ensure-client-assertion-with-iss-aud-succeeds": NO_CLIENT_KEYS,
    "oidcc-request-uri-unsigned": "request objects are not supported; refused by name",
    "oidcc-request-uri-signed-rs256": "request objects are not supported; refused by name",
}
"""What the profile Dynamic OP, which is not claimed, has besides."""
