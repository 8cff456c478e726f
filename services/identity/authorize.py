"""The authorization endpoint: a page that asks, and the decision that comes back from it.

What the app's link says and what the person says travel in one form. They never share a name: the
page carries the parameters of an authorization request that we know, and a link that names a field
of the person's is refused.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.identity.accounts import Accounts
from services.identity.form_tokens import FormTokens
from services.identity.lives import DEVICE_S
from services.identity.oauth_requests import Answer, Call
from services.identity.oauth_server import OAuthServer
from services.identity.own_cookies import OwnCookies
from services.identity.pages import authorize_page, content_security_policy, error_page
from services.identity.requests import is_proven
from services.identity.scopes import USER_SCOPES
from services.platform.errors import InvalidArgumentError, TooManyRequestsError
from services.platform.text.handles import validate_handle

__all__ = ["Authorize"]

CARRIED: Final = (
    *("response_type", "client_id", "redirect_uri", "scope", "state"),  # RFC 6749, 4.1.1
    *("code_challenge", "code_challenge_method"),  # RFC 7636, 4.3
    *(
        "response_mode",
        "nonce",
        "prompt",
        "max_age",
        "id_token_hint",
    ),  # OpenID Connect Core, 3.1.2.1
    *("request", "request_uri", "registration"),  # the same, 6 and 7.2.1; refused, not ignored
)
"""The authorization request, as far as we know it: what the page's form sends along. All other
parameters are ignored, as RFC 6749, 3.1, has it."""
OURS: Final = frozenset({"handle", "password", "decision", "csrf"})
"""Fields of the form that are the person's and ours. A link that has one is refused, not rid of it:
no app has a use for it, so somebody is trying something, or made a mistake that should be seen."""
HINT: Final = "login_hint"
"""OpenID Connect's own way to fill in the handle. It is shown, and may be changed."""
ALLOW: Final = "allow"
DENY: Final = "deny"
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # The address of this page holds what the app sent; no other site needs to see it.
    "Referrer-Policy": "no-referrer",
}
SEE_OTHER: Final = 303
BAD_REQUEST: Final = 400
TOO_MANY_REQUESTS: Final = 429
DEVICE: Final = "device"
"""The cookie of a browser that logged in here."""


class Authorize:
    """Asks each time: there is no session of ours that another page could ride on."""

    def __init__(self, server: OAuthServer, accounts: Accounts) -> None:
        self._server = server
        self._accounts = accounts
        self._cookies = OwnCookies(secure=urlsplit(server.issuer).scheme == "https")
        self._tokens = FormTokens(self._cookies)

    async def ask(self, call: Call) -> Response:
        """Show the page, or say what is wrong with the request."""
        if not OURS.isdisjoint(call.parameters):
            return self.refuse(
                InvalidRequestError(
                    "The link tries to fill in the log-in form. Only you should do that."
                ),
                call,
            )
        try:
            return await self._page(call, handle=_hinted(call))
        except OAuth2Error as error:
            return self.refuse(error, call)

    async def decide(self, call: Call, cookies: Mapping[str, Sequence[str]]) -> Response:
        """Log in and send the browser back with a code, or show the page again.

        The page's script gets the same as JSON: `location`, or what is `wrong` and the next
        `csrf` token.
        """
        said, request = call.parameters, _request(call)
        decision = said.get("decision")
        if decision not in {ALLOW, DENY}:
            return self.refuse(InvalidRequestError("Press one of the two buttons."), call)
        try:
            client, _ = await self._server.check(request)
        except OAuth2Error as error:
            return self.refuse(error, call)
        csrf = said.get("csrf", "")
        if wrong := self._tokens.wrong_with(csrf, cookies):
            return await self._again(call, wrong=wrong)
        if decision == DENY:
            return self._decided(await self._server.authorize(request, None), call)
        return await self._log_in(call, request, client.client_id, cookies)

    async def _log_in(
        self, call: Call, request: Call, client_id: str, cookies: Mapping[str, Sequence[str]]
    ) -> Response:
        said = call.parameters
        handle = _handle(said.get("handle", ""))
        device = _one(cookies.get(self._cookies.name(DEVICE), ()))
        try:
            account = await self._accounts.log_in(
                handle,
                said.get("password", ""),
                client_id,
                device=device,
                proven=is_proven(call),
            )
        except TooManyRequestsError as error:
            return await self._too_many(call, handle, error)
        if account is None:
            # One sentence for both, so that it does not give away which handles exist.
            return await self._again(call, handle=handle, wrong="Wrong handle or password.")
        answer = self._decided(await self._server.authorize(request, account), call)
        kept = await self._accounts.remember_device(account, device)
        self._cookies.keep(answer, DEVICE, kept, DEVICE_S)
        return answer

    def refuse(self, error: OAuth2Error, call: Call) -> Response:
        """Answer a request that is not decided on: to a known app, or else to the person."""
        return _error(self._server.refusal(error), call)

    async def _too_many(self, call: Call, handle: str, error: TooManyRequestsError) -> Response:
        if _by_script(call):
            raise error  # the script does the work that it asks for
        wait_s = math.ceil(error.retry_after_s)
        wrong = f"Too many tries. Switch scripts on, or try again in {math.ceil(wait_s / 60)} min."
        page = await self._page(call, handle=handle, wrong=wrong)
        page.status_code = TOO_MANY_REQUESTS
        page.headers["Retry-After"] = str(wait_s)
        return page

    async def _again(self, call: Call, *, handle: str = "", wrong: str) -> Response:
        if not _by_script(call):
            return await self._page(call, handle=handle, wrong=wrong)
        csrf = self._tokens.draw()
        answer = JSONResponse({"wrong": wrong, "csrf": csrf}, BAD_REQUEST, PAGE_HEADERS)
        return self._instead_of(call, answer, csrf)

    async def _page(self, call: Call, *, handle: str = "", wrong: str = "") -> Response:
        request = _request(call)
        client, scope = await self._server.check(request)
        csrf = self._tokens.draw()
        page = authorize_page(
            client=client.record.name,
            scopes=[USER_SCOPES[one] for one in scope.split()],
            hidden={**request.parameters, "csrf": csrf},
            handle=handle,
            wrong=wrong,
        )
        target = urlsplit(request.parameters["redirect_uri"])
        origin = f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:"
        headers = {
            **PAGE_HEADERS,
            "Content-Security-Policy": content_security_policy([origin]),
        }
        shown = HTMLResponse(page, BAD_REQUEST if wrong else 200, headers)
        return self._instead_of(call, shown, csrf)

    def _instead_of(self, call: Call, page: Response, csrf: str) -> Response:
        """Have the browser keep the token of a page, which takes the place of the one before."""
        self._tokens.forget(page, call.parameters.get("csrf", ""))
        self._tokens.keep(page, csrf)
        return page

    def _decided(self, answer: Answer, call: Call) -> Response:
        response = _redirect(answer, call)
        self._tokens.forget(response, call.parameters["csrf"])
        return response


def _request(call: Call) -> Call:
    """Leave of a link, or of the page's form, the authorization request."""
    carried = {name: call.parameters[name] for name in CARRIED if name in call.parameters}
    return Call(call.method, call.path, call.headers, carried)


def _hinted(call: Call) -> str:
    """Give the handle that the app thinks it is; empty where its hint is none of ours."""
    try:
        return validate_handle(_handle(call.parameters.get(HINT, "")))
    except InvalidArgumentError:
        return ""


def _handle(typed: str) -> str:
    """Give the handle as it is known, of one as people write it: ` @ada `."""
    return typed.strip().removeprefix("@")


def _one(shown: Sequence[str]) -> str:
    """Give the one cookie of a name; of several, one was planted, and none counts."""
    return shown[0] if len(shown) == 1 else ""


def _by_script(call: Call) -> bool:
    return call.headers.get("Accept") == "application/json"


def _redirect(answer: Answer, call: Call) -> Response:
    if "Location" not in answer.headers:
        return _error(answer, call)
    if _by_script(call):
        # A script cannot see where a redirect leads, and the browser would follow it for the form.
        return JSONResponse({"location": answer.headers["Location"]}, headers=PAGE_HEADERS)
    # 303: the browser must not send the form, with the password in it, to the app.
    return Response(status_code=SEE_OTHER, headers={**PAGE_HEADERS, **answer.headers})


def _error(answer: Answer, call: Call) -> Response:
    """Send an error back to the app, or show it to the person where the app is not known."""
    if "Location" in answer.headers:
        return _redirect(answer, call)
    body = answer.body if isinstance(answer.body, Mapping) else {}
    what = str(body.get("error_description") or body.get("error") or "The request is not valid.")
    if _by_script(call):
        return JSONResponse({"wrong": what}, BAD_REQUEST, PAGE_HEADERS)
    headers = {**PAGE_HEADERS, "Content-Security-Policy": content_security_policy()}
    return HTMLResponse(error_page(what), BAD_REQUEST, headers)
