"""The issuer's endpoints in the document: OAuth 2, OpenID Connect and accounts.

They have no contract in `protos/`: the protocols have them as they are. A test holds what is said
here to the running issuer.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.limits.table import CLASSES
from gateway.openapi.errors import REASONS, edge_responses
from gateway.openapi.headers import OF_ANY_ANSWER, OF_LIMITED, references
from gateway.openapi.issuer_schemas import (
    AUTHORIZATION,
    DECISION,
    PASSWORD_CHANGE,
    REVOCATION,
    SIGN_UP,
    TOKEN_REQUEST,
)
from gateway.openapi.schemas import Json
from services.identity.spec import OAUTH_PATHS
from services.platform.error_reasons import Reason
from services.platform.security.step_up import CHALLENGES, PROOF_HEADER

__all__ = [
    "APP_KEY",
    "CLIENT",
    "ISSUER_TAG",
    "PROOF_OF_WORK",
    "PROOF_OF_WORK_PARAMETER",
    "SECURITY_SCHEMES",
    "issuer_paths",
]

ISSUER_TAG: Final = "Identity"
APP_KEY: Final = "appKey"
CLIENT: Final = "client"
TOKEN: Final = "oauth2"  # noqa: S105 - a name
SECURITY_SCHEMES: Final[Json] = {
    APP_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "An app's API key, with any request, beside a token or without one: it "
        "names the app to the limits, and gives no right of a user.",
    },
    CLIENT: {
        "type": "http",
        "scheme": "basic",
        "description": "An app's id and secret. They may be in the form instead; an app without a "
        "secret gives its `client_id` there.",
    },
}
PROOF_OF_WORK: Final = "ProofOfWork"
PROOF_OF_WORK_PARAMETER: Final[Json] = {
    "name": PROOF_HEADER,
    "in": "header",
    "required": False,
    "description": "The proof that a 429 with the reason `STEP_UP_REQUIRED` asks for: a challenge "
    f"of `{CHALLENGES}`, a colon and a number, so that SHA-256 of it all begins with enough zero "
    "bits.",
    "schema": {"type": "string"},
}
# The edge takes no others in a query.
PRINTABLE: Final = {"pattern": r"^[^\x00-\x1f\x7f]*$"}
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
HTML: Final = "text/html"
WRONG: Final = {
    400: "The request is not what it should be.",
    401: "The app, or the token, is not known.",
    403: "The token lacks the scope, or the password is wrong.",
    409: "ALREADY_EXISTS (HANDLE_TAKEN): the handle is taken.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    500: "Something went wrong on the server's side.",
    503: "A service is unavailable; try again.",
}
# Of accounts, which answer in the shape of the edge; OAuth's has no reasons.
OF_NEW_PASSWORDS: Final = (Reason.INVALID_FIELD, Reason.WEAK_PASSWORD)
OF_OUTAGES: Final = {500: (Reason.INTERNAL,), 503: (Reason.UNAVAILABLE,)}
OF_SIGN_UP: Final = {
    **OF_OUTAGES,
    400: (*OF_NEW_PASSWORDS, Reason.HANDLE_RESERVED),
    409: (Reason.HANDLE_TAKEN,),
}
OF_PASSWORD_CHANGE: Final = {
    **OF_OUTAGES,
    400: (*OF_NEW_PASSWORDS, Reason.PASSWORD_CHANGED),
    403: (Reason.NO_SESSION, Reason.WRONG_PASSWORD),
}
ALWAYS: Final = (500, 503)
OF_BODIES: Final = (400, 413, 415)
ASKS_FOR_PROOF: Final = frozenset(path for one in CLASSES if one.step_up for path in one.paths)


def issuer_paths() -> Json:
    """Return the operations, by path and method."""
    keys = {
        "/oauth/keys": ("GetKeys", "Keys of access tokens and ID tokens."),
        "/oauth/jwks": ("GetAccessTokenKeys", "Keys of access tokens alone, for edges."),
        "/oauth/app-keys": ("GetAppKeyKeys", "Keys of API keys, for edges."),
    }
    return {
        "/.well-known/openid-configuration": {
            "get": _operation(
                "GetIssuerMetadata", "What the issuer is and can.", _shown("IssuerMetadata")
            )
        },
        **{
            path: {"get": _operation(name, says, _shown("KeySet"))}
            for path, (name, says) in keys.items()
        },
        "/oauth/authorize": {
            "get": _operation(
                "Authorize",
                "Shows the page that logs a user in, or sends an error back to the app.",
                _page(),
                parameters=_in_query(AUTHORIZATION),
                wrong=(400, *ALWAYS),
                errors=(HTML,),
                path="/oauth/authorize",
            ),
            "post": _operation(
                "AuthorizeByForm",
                "Does the same of a request that comes as a form.",
                _page(),
                body=(FORM, AUTHORIZATION),
                wrong=(*OF_BODIES, *ALWAYS),
                errors=(HTML, JSON),
                path="/oauth/authorize",
            ),
        },
        "/oauth/log-in": {
            "post": _operation(
                "LogIn",
                "Takes the log-in page's form, and sends the browser back to the app.",
                {**_shown("LoginAnswer"), "303": _redirect()},
                body=(FORM, DECISION),
                wrong=(*OF_BODIES, *ALWAYS),
                errors=(HTML, JSON),
                path="/oauth/log-in",
            )
        },
        "/oauth/token": {
            "post": _operation(
                "IssueToken",
                "Exchanges a code, a refresh token or the app's own credentials for a token.",
                _shown("TokenResponse"),
                body=(FORM, TOKEN_REQUEST),
                wrong=(*OF_BODIES, 401, *ALWAYS),
                security=[{CLIENT: []}, {}],
                path="/oauth/token",
            )
        },
        "/oauth/revoke": {
            "post": _operation(
                "RevokeToken",
                "Ends the session of a token; one that is none is as good as revoked.",
                {"200": _answer("It is revoked.", {"type": "object", "maxProperties": 0})},
                body=(FORM, REVOCATION),
                wrong=(*OF_BODIES, 401, *ALWAYS),
                security=[{CLIENT: []}, {}],
                path="/oauth/revoke",
            )
        },
        "/oauth/userinfo": {
            verb: _operation(
                name,
                "Says whose an access token is, which comes in the header.",
                _shown("Userinfo"),
                wrong=(400, 401, 403, *ALWAYS),
                security=[{TOKEN: ["openid"]}],
                path="/oauth/userinfo",
            )
            for verb, name in (("get", "GetUserinfo"), ("post", "PostUserinfo"))
        },
        "/oauth/sign-up": {
            "post": _operation(
                "SignUp",
                "Makes a user who can log in.",
                _shown("SignedUp"),
                body=(JSON, SIGN_UP),
                wrong=(*OF_BODIES, 409, *ALWAYS),
                reasons=OF_SIGN_UP,
                path="/oauth/sign-up",
            )
        },
        "/oauth/password": {
            "post": _operation(
                "ChangePassword",
                "Sets another password, and ends all other sessions.",
                _shown("PasswordChanged"),
                body=(JSON, PASSWORD_CHANGE),
                wrong=(*OF_BODIES, 401, 403, *ALWAYS),
                security=[{TOKEN: ["users:write"]}],
                reasons=OF_PASSWORD_CHANGE,
                path="/oauth/password",
            )
        },
    }


def _operation(  # noqa: PLR0913 - what an operation has, by name
    name: str,
    description: str,
    answers: Json,
    *,
    parameters: Iterable[Json] = (),
    body: tuple[str, Json] | None = None,
    wrong: Iterable[int] = ALWAYS,
    errors: tuple[str, ...] = (JSON,),
    security: list[Json] | None = None,
    path: str = "",
    reasons: Mapping[int, tuple[Reason, ...]] = MappingProxyType({}),
) -> Json:
    given = list(parameters)
    if path in ASKS_FOR_PROOF:
        given.append({"$ref": f"#/components/parameters/{PROOF_OF_WORK}"})
    refused = {
        str(status): _error(WRONG[status], errors, reasons.get(status, ())) for status in wrong
    }
    of_the_edge = edge_responses(oauth=path in OAUTH_PATHS)
    result: Json = {
        "operationId": name,
        "tags": [ISSUER_TAG],
        "summary": description.partition(",")[0].removesuffix("."),
        "description": description,
    }
    if body is not None:
        kind, schema = body
        result["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    if given:
        result["parameters"] = given
    result["responses"] = dict(sorted((of_the_edge | refused | answers).items()))
    result["security"] = security or []
    return result


def _in_query(schema: Json) -> list[Json]:
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": each["description"],
            "schema": PRINTABLE | {key: each[key] for key in each if key != "description"},
        }
        for name, each in schema["properties"].items()
    ]


def _shown(schema: str) -> Json:
    return {"200": _answer("What was asked for.", {"$ref": f"#/components/schemas/{schema}"})}


def _page() -> Json:
    page = _answer("The page.", {"type": "string"}, HTML)
    return {"200": page, "303": _redirect()}


def _redirect() -> Json:
    to_app = {"description": "The app's redirect URI.", "schema": {"type": "string"}}
    return {
        "description": "Back to the app, with a code or an error.",
        "headers": {**references(OF_ANY_ANSWER | OF_LIMITED), "location": to_app},
    }


def _answer(description: str, schema: Json, kind: str = JSON) -> Json:
    return {
        "description": description,
        "headers": references(OF_ANY_ANSWER | OF_LIMITED),
        "content": {kind: {"schema": schema}},
    }


def _error(description: str, kinds: Iterable[str], reasons: Iterable[Reason]) -> Json:
    """Describe an error that the issuer makes, or the edge before it."""
    shapes = [
        {"$ref": f"#/components/schemas/{name}"} for name in ("OAuthError", "Error", "LoginAnswer")
    ]
    schemas = {HTML: {"type": "string"}, JSON: {"anyOf": shapes if HTML in kinds else shapes[:2]}}
    content = {kind: {"schema": schemas[kind]} for kind in dict.fromkeys([*kinds, JSON])}
    return {
        "description": description,
        "headers": references(OF_ANY_ANSWER | OF_LIMITED),
        "content": content,
        **({REASONS: sorted(reasons)} if reasons else {}),
    }
