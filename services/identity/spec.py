"""The embedded issuer in one declaration."""

from types import MappingProxyType
from typing import Final

from services.identity.lives import DEVICE_S, REFRESH_TOKEN_S
from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.platform.tokens.lives import APP_KEY_S, USER_TOKEN_S
from services.user.spec import USER_EVENTS

__all__ = ["HTTP_METHODS", "OAUTH_ERRORS", "OAUTH_PATHS", "SEALING_KEY_FILE", "SPEC", "TABLES"]

OAUTH_PATHS: Final = ("/oauth/authorize", "/oauth/token", "/oauth/revoke", "/oauth/userinfo")
"""Where callers are OAuth clients, which read `error` and `error_description` (RFC 6749, 5.2). The
log-in form's is our page, whose script looks into the details for a proof of work."""
HTTP_METHODS: Final = MappingProxyType(
    {
        "/.well-known/openid-configuration": ("GET",),
        "/oauth/app-keys": ("GET",),
        "/oauth/authorize": ("GET", "POST"),
        "/oauth/jwks": ("GET",),
        "/oauth/keys": ("GET",),
        "/oauth/log-in": ("POST",),
        "/oauth/password": ("POST",),
        "/oauth/revoke": ("POST",),
        "/oauth/sign-up": ("POST",),
        "/oauth/token": ("POST",),
        "/oauth/userinfo": ("GET", "POST"),
    }
)
"""What each path of the listener takes, for the edge, which answers all other methods itself."""
OAUTH_ERRORS: Final = MappingProxyType(
    {
        429: "temporarily_unavailable",
        500: "server_error",
        502: "temporarily_unavailable",
        503: "temporarily_unavailable",
        504: "temporarily_unavailable",
    }
)
"""The `error` of an HTTP status there; `invalid_request` of any other. RFC 6749, 4.1.2.1, has them;
for the token endpoint they are said as everybody says them."""

DAY_S: Final = 86_400
CLIENTS: Final = TableSpec("identity_clients", key="{client id}")
# Longer than a code lives, so that one that comes again is known as a repeat.
CODES: Final = TableSpec("identity_codes", max_age_s=DAY_S, key="{digest of the code}")
# A refresh writes the row anew, so the engine drops a family only after it has expired.
FAMILIES: Final = TableSpec(
    "identity_families", max_age_s=REFRESH_TOKEN_S + DAY_S, key="{family id}"
)
SESSIONS: Final = TableSpec(
    "identity_sessions", max_age_s=REFRESH_TOKEN_S + DAY_S, key="{user:016x}.{session id}"
)
CREDENTIALS: Final = TableSpec("identity_credentials", key="{user}")
SIGN_UPS: Final = TableSpec("identity_sign_ups", key="{canonical handle}")
KEYS: Final = TableSpec("identity_keys", key="{key id}")
ID_TOKEN_KEYS: Final = TableSpec("identity_id_token_keys", key="{key id}")
APP_KEYS: Final = TableSpec(
    "identity_app_keys", max_age_s=APP_KEY_S + DAY_S, key="{client id}.{digits}"
)
REVOKED_APP_KEYS: Final = TableSpec(
    "identity_revoked_app_keys", max_age_s=APP_KEY_S + DAY_S, key="{client id}.{digits}"
)
APP_KEY_SIGNERS: Final = TableSpec("identity_app_key_signers", key="{key id}")
# They are read newest first, as far as they count, which is a day at most.
REVOCATIONS: Final = TableSpec(
    "identity_revocations",
    max_age_s=USER_TOKEN_S + DAY_S,
    key="{kind}.{~until:016x}.{session id, user}",
)
PASSWORD_CHANGES: Final = TableSpec("identity_password_changes", key="{user}")
# Windows are minutes long.
GUESSES: Final = TableSpec(
    "identity_guesses", max_age_s=DAY_S, key="{digest of the subject}.{window:016x}"
)
# A log-in writes the row anew.
DEVICES: Final = TableSpec(
    "identity_devices", max_age_s=DEVICE_S + DAY_S, key="{user}.{digest of the secret}"
)

TABLES: Final = (
    CLIENTS,
    CODES,
    FAMILIES,
    SESSIONS,
    CREDENTIALS,
    SIGN_UPS,
    KEYS,
    ID_TOKEN_KEYS,
    APP_KEYS,
    REVOKED_APP_KEYS,
    APP_KEY_SIGNERS,
    REVOCATIONS,
    PASSWORD_CHANGES,
    GUESSES,
    DEVICES,
)
"""Clients and families by id, sessions by user and id, codes by digest, credentials and changes of
passwords by user, sign-ups by canonical handle, signing keys as in `keys`, API keys by app and id,
revoked sessions and users as in `revocations`, guesses as in
`guesses`, browsers by user and digest. What opens a door is kept as a digest, or sealed, or
not at all."""

SEALING_KEY_FILE: Final = "identity.key"
"""Made once where no key is set: without it, the signing keys cannot be read."""
ERASURE: Final = Subscription("identity.erasure", USER_EVENTS)

SPEC: Final = ServiceSpec(
    name="identity",
    summary="the embedded issuer: accounts, apps and their tokens (OAuth 2, OpenID Connect)",
    port=50_058,
    http_port=50_059,
    contracts=("aviary.identity.v1.KeySetService",),
    calls=(
        "aviary.user.v1.UserService/CreateUser",
        "aviary.user.v1.UserService/GetUser",
        "aviary.user.v1.UserService/GetUserByHandle",
    ),
    tables=TABLES,
    files=(SEALING_KEY_FILE,),
    subscriptions=(ERASURE,),
    uses_cache=True,
    keeps_audit=True,
    secrets=("AVIARY_IDENTITY_KEY", "AVIARY_OPERATOR_SECRET"),
    # Without it there is no client for operators, and all else works.
    optional_secrets=("AVIARY_OPERATOR_SECRET",),
)
