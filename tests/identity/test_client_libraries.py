"""Logging in by Python's OAuth clients, in this process; `tests/clients` has the certified ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from joserfc import jwt
from joserfc.jwk import KeySet
from requests_oauthlib import OAuth2Session

from tests.identity.browser import hidden_fields, sign_up
from tests.identity.world import PASSWORD, REDIRECT, World, identity_world

VERIFIER = "v" * 64


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with identity_world(tmp_path, at_its_address=True) as made:
        # Clients compare times of tokens with this machine's.
        made.clock.ms = time.time_ns() // 1_000_000
        assert (await sign_up(made.http)).status_code == 200
        yield made


async def come_back(world: World, link: str) -> str:
    """Open the link, log in; gives the URI that the browser is sent back to."""
    page = await world.http.get(link)
    assert page.status_code == 200, page.text
    form = {**hidden_fields(page.text), "handle": "ada", "password": PASSWORD}
    answer = await world.http.post("/oauth/log-in", data={**form, "decision": "allow"})
    return str(answer.headers["location"])


async def described(world: World) -> dict[str, Any]:
    return dict((await world.http.get("/.well-known/openid-configuration")).json())


async def test_authlib_logs_in_refreshes_and_revokes(world: World) -> None:
    app, at = await world.app(public=False), await described(world)
    with AuthlibSession(
        app.client_id,
        app.client_secret,
        redirect_uri=REDIRECT,
        scope="openid profile email",
        code_challenge_method="S256",
    ) as session:
        link, state = session.create_authorization_url(
            at["authorization_endpoint"], code_verifier=VERIFIER, nonce="n"
        )
        made = await asyncio.to_thread(
            session.fetch_token,
            at["token_endpoint"],
            authorization_response=await come_back(world, link),
            state=state,
            code_verifier=VERIFIER,
        )
        assert made["scope"] == "openid"
        keys = KeySet.import_key_set((await world.http.get(at["jwks_uri"])).json())
        claims = jwt.decode(made["id_token"], keys, algorithms=["RS256"]).claims
        assert (claims["nonce"], claims["aud"]) == ("n", app.client_id)
        shown = await asyncio.to_thread(session.get, at["userinfo_endpoint"])
        assert shown.json()["sub"] == claims["sub"]
        again = await asyncio.to_thread(session.refresh_token, at["token_endpoint"])
        assert again["scope"] == "openid"
        revoked = await asyncio.to_thread(
            session.revoke_token, at["revocation_endpoint"], again["access_token"], "access_token"
        )
        assert revoked.status_code == 200, revoked.text
        assert (await asyncio.to_thread(session.get, at["userinfo_endpoint"])).status_code == 401


async def test_requests_oauthlib_logs_in_and_refreshes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    # Without it oauthlib takes an answer with less scope than was asked for as an error.
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")
    app, at = await world.app(), await described(world)
    scope = ["openid", "profile", "email", "tweets:read"]
    with OAuth2Session(app.client_id, redirect_uri=REDIRECT, scope=scope, pkce="S256") as session:
        link, _ = session.authorization_url(at["authorization_endpoint"])
        back = await come_back(world, link)
        made = await asyncio.to_thread(
            session.fetch_token,
            at["token_endpoint"],
            authorization_response=back,
            include_client_id=True,
        )
        assert made["scope"] == ["openid", "tweets:read"]
        again = await asyncio.to_thread(
            session.refresh_token, at["token_endpoint"], client_id=app.client_id
        )
        assert again["refresh_token"] != made["refresh_token"]
        shown = await asyncio.to_thread(session.get, at["userinfo_endpoint"])
        assert shown.json() == {"sub": "1", "preferred_username": "ada"}
