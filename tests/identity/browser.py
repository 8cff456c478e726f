"""A person at the log-in page, and what the page sends back."""

import base64
import hashlib
import html
import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.identity.world import PASSWORD, REDIRECT


def hidden_fields(page: str) -> dict[str, str]:
    """What a browser sends of the page's form that nobody typed."""
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


class Browser:
    """A person at the log-in page, and the app that sent them there."""

    def __init__(self, http: httpx.AsyncClient, app: str, **changes: str | None) -> None:
        self.http = http
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": app,
            "redirect_uri": REDIRECT,
            "scope": "openid timeline:read tweets:write",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        self.asked = {name: value for name, value in asked.items() if value is not None}

    async def page(self) -> httpx.Response:
        return await self.http.get("/oauth/authorize", params=self.asked)

    async def submit(self, handle: str, password: str, **changes: str) -> httpx.Response:
        page = await self.page()
        assert page.status_code == 200, page.text
        form = {
            **hidden_fields(page.text),
            "handle": handle,
            "password": password,
            "decision": "allow",
            **changes,
        }
        return await self.http.post("/oauth/log-in", data=form)

    async def code(self, handle: str = "ada", password: str = PASSWORD) -> str:
        answer = await self.submit(handle, password)
        assert answer.status_code == 303, answer.text
        back = sent_back(answer)
        assert back.get("state", "") == self.asked.get("state", "")
        assert back["iss"]
        return back["code"]

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.asked["redirect_uri"],
            "client_id": self.asked["client_id"],
            "code_verifier": self.verifier,
            **changes,
        }
        return await self.http.post("/oauth/token", data=form)

    async def refresh(self, token: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.asked["client_id"],
            **changes,
        }
        return await self.http.post("/oauth/token", data=form)

    async def tokens(self) -> dict[str, Any]:
        answer = await self.exchange(await self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def sent_back(answer: httpx.Response) -> dict[str, str]:
    where = answer.headers["location"]
    assert where.startswith("http://127.0.0.1:"), where
    return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


async def sign_up(http: httpx.AsyncClient, handle: str = "ada", **changes: Any) -> httpx.Response:
    body = {"handle": handle, "display_name": handle.title(), "password": PASSWORD, **changes}
    return await http.post("/oauth/sign-up", json=body)
