"""A user's account over HTTP: sign up, change the password, and who one is (OIDC's userinfo)."""

from collections.abc import Sequence
from typing import Final

from authlib.oidc.core import UserInfo
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.identity.accounts import Accounts
from services.identity.bearer import Bearers
from services.identity.requests import head_of, is_proven, json_of, token_call_of

__all__ = ["NO_STORE", "account_routes"]

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SIGN_UP_FIELDS: Final = ("handle", "display_name", "password")
PASSWORD_FIELDS: Final = ("password", "new_password")
PASSWORD_SCOPE: Final = "users:write"  # noqa: S105 - a name
"""Of the token that comes with a change of password, which shows the old one besides."""


def account_routes(accounts: Accounts, bearers: Bearers) -> Sequence[Route]:
    """Build the routes."""

    async def sign_up(request: Request) -> Response:
        handle, display_name, password = await json_of(request, SIGN_UP_FIELDS)
        account = await accounts.sign_up(handle, display_name, password)
        answer = {"user_id": str(account.user_id), "handle": account.handle}
        return JSONResponse(answer, headers=NO_STORE)

    async def password(request: Request) -> Response:
        bearer_call = head_of(request)
        bearer = await bearers.user(bearer_call, PASSWORD_SCOPE)
        old, new = await json_of(request, PASSWORD_FIELDS)
        ended = await accounts.change_password(
            bearer.account,
            old,
            new,
            session=bearer.session,
            client_id=bearer.client_id,
            proven=is_proven(bearer_call),
        )
        return JSONResponse({"sessions_ended": ended}, headers=NO_STORE)

    async def userinfo(request: Request) -> Response:
        account = (await bearers.user(await token_call_of(request), "openid")).account
        info = UserInfo(sub=str(account.user_id), preferred_username=account.handle)
        return JSONResponse(dict(info), headers=NO_STORE)

    return [
        Route("/oauth/sign-up", sign_up, methods=["POST"]),
        Route("/oauth/password", password, methods=["POST"]),
        Route("/oauth/userinfo", userinfo, methods=["GET", "POST"]),
    ]
