"""An app with a secret that logs users in, and checks what it gets as OpenID Connect has it."""

from typing import Any

import httpx

from tests.identity.browser import Browser, sent_back
from tests.identity.oauth_steps import read
from tests.identity.world import ISSUER, World

__all__ = ["Client"]


class Client:
    """A confidential app at the log-in of Ada."""

    def __init__(self, world: World, client_id: str, secret: str) -> None:
        self.world = world
        self.http = world.http
        self.id = client_id
        self.auth = (client_id, secret)
        self.secret = secret

    def asking(self, **changes: str | None) -> Browser:
        return Browser(self.http, self.id, **{"scope": "openid", **changes})

    async def exchange(self, browser: Browser, code: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": browser.asked["redirect_uri"],
            "code_verifier": browser.verifier,
        }
        return await self.http.post("/oauth/token", data=form, auth=self.auth)

    async def logs_in(self, **changes: str | None) -> dict[str, Any]:
        """Do the whole flow; gives the tokens, of which the ID token is what it should be."""
        browser = self.asking(**changes)
        answer = await self.exchange(browser, await browser.code())
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        made: dict[str, Any] = answer.json()
        assert made["token_type"] == "Bearer"  # noqa: S105 - a type
        header, claims = await read(self.world, made["id_token"])
        assert header["alg"] == "RS256"
        assert header["kid"]
        assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, self.id, "1")
        assert claims.get("nonce") == browser.asked.get("nonce")
        assert claims["iat"] <= claims["exp"]
        return {**made, "claims": claims}

    async def userinfo(self, method: str, token: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.http.request(method, "/oauth/userinfo", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refused(self, **changes: str | None) -> str:
        """Ask for what is answered at once; gives the error."""
        back = sent_back(await self.asking(**changes).page())
        assert back["state"] == "s1"
        return back["error"]
