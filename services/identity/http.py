"""The issuer's HTTP listener: translates between HTTP, the OAuth server and accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.identity.account_endpoints import NO_STORE, account_routes
from services.identity.accounts import Accounts
from services.identity.authorize import Authorize
from services.identity.bearer import Bearers
from services.identity.keys import ALGORITHM, Keyring
from services.identity.oauth_server import Answer, OAuthServer
from services.identity.operator_client import TOKEN_EXCHANGE
from services.identity.requests import call_of, cookies_of, head_of
from services.identity.scopes import USER_SCOPES
from services.identity.tracing import Traced
from services.platform.errors import AviaryError
from services.platform.rpc.status import status_of

__all__ = ["Keyrings", "application"]

# What verifiers go by; the edge has its own time.
JWKS_HEADERS: Final = {"Cache-Control": "public, max-age=60"}

# google.rpc.Code to HTTP, as the edge has them.
HTTP_STATUS: Final = {3: 400, 5: 404, 6: 409, 7: 403, 9: 400, 14: 503}
INTERNAL: Final = 500


@dataclass(frozen=True, slots=True)
class Keyrings:
    """What signs tokens, and what signs API keys."""

    tokens: Keyring
    app_keys: Keyring


def application(
    server: OAuthServer, accounts: Accounts, bearers: Bearers, keyrings: Keyrings
) -> Starlette:
    """Build the listener's application."""
    authorize = Authorize(server, accounts)
    documents = {"discovery": discovery(server.issuer)}

    async def configuration(_: Request) -> Response:
        return JSONResponse(documents["discovery"], headers=JWKS_HEADERS)

    async def jwks(_: Request) -> Response:
        return JSONResponse(keyrings.tokens.jwks(), headers=JWKS_HEADERS)

    async def app_keys(_: Request) -> Response:
        return JSONResponse(keyrings.app_keys.jwks(), headers=JWKS_HEADERS)

    async def token(request: Request) -> Response:
        return to_response(await server.token(await call_of(request)))

    async def revoke(request: Request) -> Response:
        return to_response(await server.revoke(await call_of(request)))

    async def ask(request: Request) -> Response:
        try:
            call = await call_of(request)
        except OAuth2Error as error:
            return authorize.refuse(error, head_of(request))
        return await authorize.ask(call)

    async def decide(request: Request) -> Response:
        try:
            call = await call_of(request)
        except OAuth2Error as error:
            return authorize.refuse(error, head_of(request))
        return await authorize.decide(call, cookies_of(request))

    routes = [
        Route("/.well-known/openid-configuration", configuration, methods=["GET"]),
        Route("/oauth/jwks", jwks, methods=["GET"]),
        Route("/oauth/app-keys", app_keys, methods=["GET"]),
        Route("/oauth/token", token, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
        Route("/oauth/authorize", ask, methods=["GET"]),
        Route("/oauth/log-in", decide, methods=["POST"]),
        *account_routes(accounts, bearers),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Traced, paths=frozenset(route.path for route in routes))],
        exception_handlers={
            AviaryError: _domain_error,
            OAuth2Error: _oauth_error,
            404: _no_such_path,
            405: _no_such_method,
            INTERNAL: _internal,
        },
    )


def discovery(issuer: str) -> Mapping[str, Any]:
    """Describe the issuer as OpenID Connect Discovery has it."""
    methods = ["client_secret_basic", "client_secret_post", "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": list(USER_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        # Left out, it would be true (OpenID Connect Discovery, 3).
        "request_uri_parameter_supported": False,
        "grant_types_supported": [
            *("authorization_code", "refresh_token", "client_credentials"),
            TOKEN_EXCHANGE,
        ],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "authorization_response_iss_parameter_supported": True,
        "claims_supported": ["sub", "preferred_username", "auth_time", "nonce"],
    }


def to_response(answer: Answer) -> Response:
    """Translate what the OAuth server answers."""
    headers = {**NO_STORE, **answer.headers}
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers)
    return JSONResponse(dict(answer.body), answer.status, headers)


def _domain_error(_: Request, error: Exception) -> Response:
    """Answer in the shape that errors have at the edge."""
    known = status_of(error) if isinstance(error, AviaryError) else None
    if known is None:
        raise error
    code, _status = known
    number = code.value[0]
    reason = error.reason if isinstance(error, AviaryError) else ""
    metadata = dict(error.metadata) if isinstance(error, AviaryError) else {}
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "aviary",
        "metadata": metadata,
    }
    body = {"code": number, "message": str(error), "details": [detail]}
    return JSONResponse(body, HTTP_STATUS.get(number, INTERNAL), NO_STORE)


def _oauth_error(_: Request, error: Exception) -> Response:
    status, body, headers = error()  # type: ignore[operator]
    return JSONResponse(body, status, {**NO_STORE, **dict(headers)})


def _internal(_: Request, _error: Exception) -> Response:
    # Starlette logs it whole, and raises it to the server all the same.
    message = "Something went wrong on our side."
    return JSONResponse({"code": 13, "message": message, "details": []}, INTERNAL, NO_STORE)


def _no_such_path(_: Request, _error: Exception) -> Response:
    return JSONResponse({"code": 5, "message": "no such path or method", "details": []}, 404)


def _no_such_method(_: Request, _error: Exception) -> Response:
    message = "this path does not take this method"
    return JSONResponse({"code": 12, "message": message, "details": []}, 405)
