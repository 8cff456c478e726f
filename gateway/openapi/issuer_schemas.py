"""What the issuer's endpoints take and give, as JSON Schemas and components of the document."""

from typing import Final

from gateway.openapi.errors import ERROR_SCHEMA
from gateway.openapi.schemas import Json

__all__ = [
    "AUTHORIZATION",
    "CREDENTIALS",
    "DECISION",
    "ISSUER_SCHEMAS",
    "PASSWORD_CHANGE",
    "REVOCATION",
    "SIGN_UP",
    "TOKEN_REQUEST",
    "text",
]

NEW_PASSWORD: Final = "new-password"  # noqa: S105 - a name
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name


def text(description: str, **more: object) -> Json:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


def _object(description: str, properties: Json, *required: str) -> Json:
    schema = {"type": "object", "description": description, "properties": properties}
    return schema | ({"required": list(required)} if required else {})


def _form(description: str, properties: Json, *required: str) -> Json:
    """Describe a form, whose other parameters are ignored; each is given once."""
    return _object(description, properties, *required) | {
        "additionalProperties": {"type": "string"}
    }


def _json(description: str, properties: Json, *required: str) -> Json:
    return _object(description, properties, *required) | {"additionalProperties": False}


def _list(description: str) -> Json:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _flag(description: str) -> Json:
    return {"type": "boolean", "description": description}


CREDENTIALS: Final[Json] = {
    "client_id": text("The app's id; left out where it is in the header."),
    "client_secret": text(
        "The app's secret; left out where it is in the header, or there is none."
    ),
}
LOG_IN: Final = {
    "handle": text("As people write it: `@ada` is `ada`."),
    "password": text("The password."),
    "decision": text("Which button was pressed.", enum=["allow", "deny"]),
    "csrf": text("Ties the form to the page and to the browser's cookie."),
}
"""The log-in page's own fields, which an authorization request must not fill in."""
AUTHORIZATION: Final = _form(
    "An authorization request (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1). Other parameters "
    "are ignored, but for the log-in page's own, which are refused.",
    {
        "response_type": text("What to answer with.", enum=["code"]),
        "client_id": text("The app's id."),
        "redirect_uri": text("One that the app registered; of loopback the port may be another."),
        "scope": text("Scopes, separated by spaces; all that the app may have where it is empty."),
        "state": text("Comes back as it was: printable ASCII.", pattern="^[ -~]*$"),
        "code_challenge": text("Of PKCE.", pattern="^[A-Za-z0-9._~-]{43,128}$"),
        "code_challenge_method": text("Of PKCE.", enum=["S256"]),
        "nonce": text("Comes back in the ID token."),
        "prompt": text("Every request shows the page, so `none` is `login_required`."),
        "max_age": text("Seconds since the log-in, which is always now.", pattern="^[0-9]{1,10}$"),
        "id_token_hint": text("An ID token of the user who has to log in."),
        "login_hint": text("Fills in the handle."),
        "response_mode": text("How to answer.", enum=["query"]),
    },
    *("response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method"),
) | {"propertyNames": {"not": {"enum": list(LOG_IN)}}}
DECISION: Final = _form(
    "The form of the log-in page: what was typed and pressed, with the request's parameters.",
    {
        **AUTHORIZATION["properties"],
        **LOG_IN,
    },
    *(*AUTHORIZATION["required"], "decision", "csrf"),
)
TOKEN_REQUEST: Final = _form(
    "A token request; which parameters it has depends on `grant_type`.",
    {
        "grant_type": text(
            "What is exchanged for a token.",
            enum=["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE],
        ),
        **CREDENTIALS,
        "code": text("Of `authorization_code`."),
        "redirect_uri": text("Of `authorization_code`: where the code was sent to."),
        "code_verifier": text("Of `authorization_code`: PKCE's."),
        "refresh_token": text("Of `refresh_token`."),
        "scope": text("Less than was granted, or of `client_credentials` less than the app has."),
        "subject_token": text("Of token exchange, for operators: the user's handle."),
        "subject_token_type": text("Of token exchange.", enum=["urn:aviary:token-type:handle"]),
    },
    "grant_type",
)
REVOCATION: Final = _form(
    "What to revoke (RFC 7009).",
    {
        "token": text("A refresh token, or an access token of a log-in.", minLength=1),
        "token_type_hint": text("Is not needed, and not looked at."),
        **CREDENTIALS,
    },
    "token",
)
_PASSWORD: Final = {"minLength": 10, "maxLength": 128, "format": NEW_PASSWORD}
SIGN_UP: Final = _json(
    "Who signs up.",
    {
        "handle": text("The handle.", minLength=1, maxLength=15, pattern="^[A-Za-z0-9_]+$"),
        "display_name": text("The name to show.", minLength=1, maxLength=50, format="display-name"),
        "password": text("The password, in NFKC.", **_PASSWORD),
    },
    *("handle", "display_name", "password"),
)
PASSWORD_CHANGE: Final = _json(
    "The password, and the next one.",
    {"password": text("The one until now."), "new_password": text("The next.", **_PASSWORD)},
    *("password", "new_password"),
)

ISSUER_SCHEMAS: Final[Json] = {
    "OAuthError": _object(
        "An error of OAuth 2 (RFC 6749, 5.2). One of the edge's has all that an `Error` has, too.",
        {
            "error": text("What is wrong, by its name in the protocols."),
            "error_description": text("A sentence for the developer."),
            **ERROR_SCHEMA["properties"],
        },
        "error",
    ),
    "TokenResponse": _object(
        "An access token, and what came with it.",
        {
            "access_token": text("A JWT (RFC 9068), good for `expires_in` seconds."),
            "token_type": text("How it is sent.", enum=["Bearer"]),
            "expires_in": {"type": "integer", "description": "Seconds.", "minimum": 1},
            "scope": text("What was granted, which may be less than was asked for."),
            "refresh_token": text("Good once. Of a log-in."),
            "id_token": text("A JWT that says who logged in. Of a log-in with `openid`."),
            "issued_token_type": text("Of token exchange."),
        },
        *("access_token", "token_type", "expires_in", "scope"),
    ),
    "Userinfo": _object(
        "Whose an access token is.",
        {"sub": text("The user's id."), "preferred_username": text("The user's handle.")},
        *("sub", "preferred_username"),
    ),
    "SignedUp": _object(
        "Who signed up.",
        {"user_id": text("The user's id."), "handle": text("The handle.")},
        *("user_id", "handle"),
    ),
    "PasswordChanged": _object(
        "What a new password did.",
        {"sessions_ended": {"type": "integer", "description": "How many others.", "minimum": 0}},
        "sessions_ended",
    ),
    "LoginAnswer": _object(
        "What the log-in page's script is answered.",
        {
            "location": text("Where to go."),
            "wrong": text("What is wrong, for the person."),
            "csrf": text("The form's next token."),
        },
    ),
    "KeySet": _object(
        "Public keys (RFC 7517).",
        {
            "keys": {
                "type": "array",
                "description": "The keys, by which `kid` of a token names one.",
                "items": _object(
                    "A key.",
                    {name: text("As RFC 7518 has it.") for name in ("crv", "x", "y", "n", "e")}
                    | {
                        "kty": text("Its kind.", enum=["EC", "RSA"]),
                        "kid": text("Its name."),
                        "use": text("What for.", enum=["sig"]),
                        "alg": text("What it signs by.", enum=["ES256", "RS256"]),
                    },
                    *("kty", "kid", "use", "alg"),
                ),
            }
        },
        "keys",
    ),
    "IssuerMetadata": _object(
        "What the issuer is and can (OpenID Connect Discovery, 3).",
        {
            "issuer": text("The `iss` of its tokens."),
            **{
                name: text("Where it is.")
                for name in (
                    *("authorization_endpoint", "token_endpoint", "revocation_endpoint"),
                    *("userinfo_endpoint", "jwks_uri"),
                )
            },
            **{
                name: _list("What there is.")
                for name in (
                    *("scopes_supported", "response_types_supported", "response_modes_supported"),
                    *("grant_types_supported", "prompt_values_supported"),
                    "token_endpoint_auth_methods_supported",
                    "revocation_endpoint_auth_methods_supported",
                    *("code_challenge_methods_supported", "subject_types_supported"),
                    *("id_token_signing_alg_values_supported", "claim_types_supported"),
                    "claims_supported",
                )
            },
            **{
                name: _flag("Whether it is so.")
                for name in (
                    *("claims_parameter_supported", "request_parameter_supported"),
                    "request_uri_parameter_supported",
                    "authorization_response_iss_parameter_supported",
                )
            },
        },
        *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"),
    ),
}
