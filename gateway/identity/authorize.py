"""The authorization endpoint: a page that asks, and the decision that comes back from it."""

import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.identity.accounts import Accounts
from gateway.identity.oauth_server import Answer, Call, OAuthServer
from gateway.identity.pages import authorize_page, content_security_policy, error_page
from gateway.identity.scopes import USER_SCOPES

__all__ = ["Authorize"]

# Fields of the form that are ours; the others are the authorization request, sent along.
OURS: Final = frozenset({"handle", "password", "decision", "csrf"})
CSRF_BYTES: Final = 32
CSRF_MAX_AGE_S: Final = 600
"""A page that was left open longer is asked for again."""
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # The address of this page holds what the app sent; no other site needs to see it.
    "Referrer-Policy": "no-referrer",
}
SEE_OTHER: Final = 303
BAD_REQUEST: Final = 400


class Authorize:
    """Asks each time: there is no session of ours that another page could ride on."""

    def __init__(self, server: OAuthServer, accounts: Accounts) -> None:
        self._server = server
        self._accounts = accounts
        secure = urlsplit(server.issuer).scheme == "https"
        # A __Host- cookie cannot be planted from a sibling domain.
        self._cookie = "__Host-aviary-csrf" if secure else "aviary-csrf"
        self._secure = secure

    async def ask(self, call: Call) -> Response:
        """Show the page, or say what is wrong with the request."""
        try:
            return await self._page(call)
        except OAuth2Error as error:
            return _told(self._server.refusal(error), call)

    async def decide(self, call: Call, cookies: Mapping[str, str]) -> Response:
        """Log in and send the browser back with a code, or show the page again.

        The page's script is told the same as JSON: `location`, or what is `wrong` and the next
        `csrf` token.
        """
        request = _without_ours(call)
        try:
            client, _ = await self._server.check(request)
        except OAuth2Error as error:
            return _told(self._server.refusal(error), call)
        if not _same(_one(call, "csrf"), cookies.get(self._cookie, "")):
            return await self._again(call, wrong="This page was open too long. Once more, please.")
        if _one(call, "decision") == "deny":
            return _redirect(await self._server.authorize(request, None), call)
        handle = _one(call, "handle")
        account = await self._accounts.log_in(handle, _one(call, "password"), client.client_id)
        if account is None:
            # One sentence for both, so that it does not tell which handles exist.
            return await self._again(call, handle=handle, wrong="Wrong handle or password.")
        return _redirect(await self._server.authorize(request, account), call)

    async def _again(self, call: Call, *, handle: str = "", wrong: str) -> Response:
        if not _by_script(call):
            return await self._page(_without_ours(call), handle=handle, wrong=wrong)
        csrf = secrets.token_urlsafe(CSRF_BYTES)
        answer = JSONResponse({"wrong": wrong, "csrf": csrf}, BAD_REQUEST, PAGE_HEADERS)
        return self._with_csrf(answer, csrf)

    async def _page(self, call: Call, *, handle: str = "", wrong: str = "") -> Response:
        client, scope = await self._server.check(call)
        csrf = secrets.token_urlsafe(CSRF_BYTES)
        page = authorize_page(
            client=client.record.name,
            scopes=[USER_SCOPES[one] for one in scope.split()],
            hidden={
                **{name: values[0] for name, values in call.parameters.items()},
                "csrf": csrf,
            },
            handle=handle,
            wrong=wrong,
        )
        target = urlsplit(_one(call, "redirect_uri"))
        origin = f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:"
        headers = {
            **PAGE_HEADERS,
            "Content-Security-Policy": content_security_policy([origin]),
        }
        return self._with_csrf(HTMLResponse(page, BAD_REQUEST if wrong else 200, headers), csrf)

    def _with_csrf(self, response: Response, csrf: str) -> Response:
        response.set_cookie(
            self._cookie,
            csrf,
            max_age=CSRF_MAX_AGE_S,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response


def _without_ours(call: Call) -> Call:
    parameters = {name: values for name, values in call.parameters.items() if name not in OURS}
    return Call(call.method, call.path, call.headers, parameters)


def _one(call: Call, name: str) -> str:
    return call.parameters.get(name, [""])[0]


def _same(shown: str, kept: str) -> bool:
    return bool(kept) and secrets.compare_digest(shown.encode(), kept.encode())


def _by_script(call: Call) -> bool:
    return call.headers.get("Accept") == "application/json"


def _redirect(answer: Answer, call: Call) -> Response:
    if "Location" not in answer.headers:
        return _told(answer, call)
    if _by_script(call):
        # A script cannot see where a redirect leads, and the browser would follow it for the form.
        return JSONResponse({"location": answer.headers["Location"]}, headers=PAGE_HEADERS)
    # 303: the browser must not send the form, with the password in it, to the app.
    return Response(status_code=SEE_OTHER, headers={**PAGE_HEADERS, **answer.headers})


def _told(answer: Answer, call: Call) -> Response:
    """Send an error back to the app, or tell the person where the app is not known."""
    if "Location" in answer.headers:
        return _redirect(answer, call)
    body = answer.body if isinstance(answer.body, Mapping) else {}
    what = str(body.get("error_description") or body.get("error") or "The request is not valid.")
    if _by_script(call):
        return JSONResponse({"wrong": what}, BAD_REQUEST, PAGE_HEADERS)
    headers = {**PAGE_HEADERS, "Content-Security-Policy": content_security_policy()}
    return HTMLResponse(error_page(what), BAD_REQUEST, headers)
