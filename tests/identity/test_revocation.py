"""Revocation over HTTP: by either token, with a hint or without one."""

import pytest

from services.platform.tokens.revocations import Revocable
from tests.edge.test_issuer import token as operators_token
from tests.identity.oauth_steps import logged_in, read, refused
from tests.identity.world import (
    World,
)


@pytest.mark.parametrize("hint", [None, "access_token", "ACCESS_TOKEN", "refresh_token", "x"])
async def test_revoked_access_token_ends_its_session(world: World, hint: str | None) -> None:
    browser = await logged_in(world)
    made = await browser.tokens()
    form = {"token": made["access_token"], "client_id": browser.asked["client_id"]}
    answer = await world.http.post(
        "/oauth/revoke", data={**form, **({"token_type_hint": hint} if hint else {})}
    )
    assert answer.status_code == 200, answer.text
    mine = {"authorization": f"Bearer {made['access_token']}"}
    assert (await world.http.get("/oauth/userinfo", headers=mine)).status_code == 401
    refused(await browser.refresh(made["refresh_token"]), "invalid_grant")
    _, claims = await read(world, made["access_token"])
    assert world.edges[Revocable.SESSION].keys() == {claims["sid"]}, "edges refuse it too"
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200


@pytest.mark.parametrize("hint", ["refresh_token", "Refresh_Token", "access_token", "x", ""])
async def test_hint_helps_and_decides_nothing(world: World, hint: str) -> None:
    browser = await logged_in(world)
    token = (await browser.tokens())["refresh_token"]
    form = {"token": token, "client_id": browser.asked["client_id"], "token_type_hint": hint}
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200
    refused(await browser.refresh(token), "invalid_grant")


async def test_access_token_without_a_session_cannot_be_revoked(world: World) -> None:
    app = await world.app(public=False)
    auth = (app.client_id, app.client_secret or "")
    form = {"grant_type": "client_credentials"}
    made = (await world.http.post("/oauth/token", data=form, auth=auth)).json()
    answer = await world.http.post("/oauth/revoke", data={"token": made["access_token"]}, auth=auth)
    refused(answer, "unsupported_token_type")


async def test_nobody_revokes_anothers_access_token(world: World) -> None:
    browser = await logged_in(world)
    other = await world.app()
    made = await browser.tokens()
    form = {"token": made["access_token"], "client_id": other.client_id}
    refused(await world.http.post("/oauth/revoke", data=form), "invalid_grant")
    acting = await operators_token(world, "ada")
    mine = {"client_id": browser.asked["client_id"]}
    refused(await world.http.post("/oauth/revoke", data={**mine, "token": acting}), "invalid_grant")
    for no_token in (made["id_token"], "a.b.c", "nonsense"):
        answer = await world.http.post("/oauth/revoke", data={**mine, "token": no_token})
        assert answer.status_code == 200
    refused(await world.http.post("/oauth/revoke", data=mine), "invalid_request")
    assert (await browser.refresh(made["refresh_token"])).status_code == 200
