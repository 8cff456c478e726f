"""The issuer's HTTP listener: translates between HTTP, the OAuth server and accounts."""

from typing import Final

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
from services.identity.discovery import discovery
from services.identity.http_errors import (
    domain_error,
    internal_error,
    no_such_method,
    no_such_path,
    oauth_error,
)
from services.identity.keys import Keyring, Keyrings
from services.identity.oauth_requests import Answer
from services.identity.oauth_server import OAuthServer
from services.identity.requests import call_of, cookies_of, head_of
from services.identity.tracing import Traced
from services.platform.errors import AviaryError
from services.platform.tokens.issuers import APP_KEYS_PATH, JWKS_PATH

__all__ = ["application"]

# What verifiers go by; the edge has its own time.
JWKS_HEADERS: Final = {"Cache-Control": "public, max-age=60"}

INTERNAL: Final = 500


def application(
    server: OAuthServer, accounts: Accounts, bearers: Bearers, keyrings: Keyrings
) -> Starlette:
    """Build the listener's application."""
    authorize = Authorize(server, accounts)

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
        *_documents(server.issuer, keyrings),
        Route("/oauth/token", token, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
        Route("/oauth/authorize", ask, methods=["GET", "POST"]),
        Route("/oauth/log-in", decide, methods=["POST"]),
        *account_routes(accounts, bearers),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Traced, paths=frozenset(route.path for route in routes))],
        exception_handlers={
            AviaryError: domain_error,
            OAuth2Error: oauth_error,
            404: no_such_path,
            405: no_such_method,
            INTERNAL: internal_error,
        },
    )


def _documents(issuer: str, keyrings: Keyrings) -> list[Route]:
    """Build the routes of what the issuer publishes."""
    described = discovery(issuer)

    async def configuration(_: Request) -> Response:
        return JSONResponse(described, headers=JWKS_HEADERS)

    def published(path: str, keys: Keyring | Keyrings) -> Route:
        async def show(_: Request) -> Response:
            return JSONResponse(keys.jwks(), headers=JWKS_HEADERS)

        return Route(path, show, methods=["GET"])

    return [
        Route("/.well-known/openid-configuration", configuration, methods=["GET"]),
        published("/oauth/keys", keyrings),
        # What edges check access tokens and API keys with, and nothing else.
        published(JWKS_PATH, keyrings.tokens),
        published(APP_KEYS_PATH, keyrings.app_keys),
    ]


def to_response(answer: Answer) -> Response:
    """Translate what the OAuth server answers."""
    headers = {**NO_STORE, **answer.headers}
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers)
    return JSONResponse(dict(answer.body), answer.status, headers)
