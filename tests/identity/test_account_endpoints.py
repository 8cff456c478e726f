"""What users ask the issuer about themselves, with their access tokens."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from services.identity.revocations import Revocations
from services.platform.errors import UnavailableError
from services.platform.tokens.lives import SKEW_S, USER_TOKEN_S
from services.platform.tokens.revocations import Revocable
from tests.edge.test_issuer import token as operators_token
from tests.identity.browser import Browser, sign_up
from tests.identity.world import PASSWORD, Edges, World

NEW = "another horse battery"


async def logged_in(world: World, scope: str | None = None) -> dict[str, Any]:
    app = await world.app()
    return {
        **await Browser(world.http, app.client_id, scope=scope).tokens(),
        "client_id": app.client_id,
    }


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}


async def change(
    world: World, tokens: dict[str, Any], old: str = PASSWORD, new: str = NEW
) -> httpx.Response:
    body = {"password": old, "new_password": new}
    return await world.http.post("/oauth/password", json=body, headers=bearer(tokens))


async def may_log_in(world: World, password: str) -> bool:
    return await world.accounts.log_in("ada", password, "app") is not None


def refused(answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["details"][0]["reason"] == reason


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo_says_whose_token_it_is(world: World, method: str) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    answer = await world.http.request(method, "/oauth/userinfo", headers=bearer(tokens))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == {"sub": "1", "preferred_username": "ada"}


async def test_userinfo_is_for_good_tokens_with_openid(world: World) -> None:
    await sign_up(world.http)
    narrow, tokens = await logged_in(world, "timeline:read"), await logged_in(world)
    key = (await world.app_keys.make(tokens["client_id"])).key
    own = {"access_token": await operators_token(world)}
    answer = await world.http.get("/oauth/userinfo", headers=bearer(narrow))
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    head, body, _ = tokens["access_token"].split(".")
    bad = [
        {"access_token": one}
        for one in ("nonsense", "a.b.c", tokens["id_token"], key, f"{head}.{body}.")
    ]
    for shown in bad:
        answer = await world.http.get("/oauth/userinfo", headers=bearer(shown))
        assert answer.status_code == 401, (shown, answer.text)
    assert (await world.http.get("/oauth/userinfo", headers=bearer(own))).status_code in {401, 403}
    assert (await world.http.get("/oauth/userinfo")).status_code == 401


async def test_refused_tokens_are_told_what_is_wanted(world: World) -> None:
    await sign_up(world.http)
    narrow = await logged_in(world, "timeline:read")
    for headers, status, error, wanted in (
        ({}, 401, "invalid_token", "Bearer"),
        ({"authorization": "Basic eDp5"}, 401, "invalid_token", "Bearer"),
        ({"authorization": "Bearer x"}, 401, "invalid_token", 'Bearer error="invalid_token"'),
        (
            bearer(narrow),
            403,
            "insufficient_scope",
            'Bearer error="insufficient_scope", scope="openid"',
        ),
    ):
        answer = await world.http.get("/oauth/userinfo", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert answer.headers["www-authenticate"].partition(", error_description")[0] == wanted


async def test_ended_session_is_known_here_at_once(world: World) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    form = {"token": tokens["refresh_token"], "client_id": tokens["client_id"]}
    await world.http.post("/oauth/revoke", data=form)
    assert (await world.http.get("/oauth/userinfo", headers=bearer(tokens))).status_code == 401
    assert len(world.edges[Revocable.SESSION]) == 1


async def test_new_password_ends_other_sessions_and_is_audited(world: World) -> None:
    await sign_up(world.http)
    mine, *others = [await logged_in(world) for _ in range(3)]
    answer = await change(world, mine)
    assert (answer.status_code, answer.json()) == (200, {"sessions_ended": 2})
    assert (await may_log_in(world, NEW), await may_log_in(world, PASSWORD)) == (True, False)
    for tokens, status in ((mine, 200), *((one, 400) for one in others)):
        app = Browser(world.http, tokens["client_id"])
        assert (await app.refresh(tokens["refresh_token"])).status_code == status
    assert world.audit.of("password.changed") == [{"user_id": 1, "ended": 2}]
    assert NEW not in str(world.audit)
    assert len(world.edges[Revocable.SESSION]) == 2


async def test_password_stays_without_the_old_one_a_session_and_the_scope(world: World) -> None:
    await sign_up(world.http)
    tokens, narrow = await logged_in(world), await logged_in(world, "openid timeline:read")
    refused(await change(world, tokens, old="wrong password"), 403, "WRONG_PASSWORD")
    assert world.audit.of("login.failed")[-1]["handle"] == "ada"
    refused(await change(world, tokens, new="short"), 400, "INVALID_FIELD")
    acting = {"access_token": await operators_token(world, "ada")}
    refused(await change(world, acting), 403, "NO_SESSION")
    assert (await change(world, narrow)).status_code == 403
    assert (await change(world, {"access_token": "nonsense"})).status_code == 401
    body = {"password": PASSWORD}
    answer = await world.http.post("/oauth/password", json=body, headers=bearer(tokens))
    refused(answer, 400, "INVALID_FIELD")
    assert await may_log_in(world, PASSWORD)
    assert world.edges == {}


async def test_of_two_new_passwords_at_once_one_is_taken(world: World) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    news = [f"{NEW} {number}" for number in range(2)]
    answers = await asyncio.gather(*(change(world, tokens, new=new) for new in news))
    assert min(answer.status_code for answer in answers) == 200
    for answer, new in zip(answers, news, strict=True):
        assert await may_log_in(world, new) == (answer.status_code == 200)


async def test_user_who_is_gone_is_forgotten(world: World) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    for _ in range(2):
        await world.accounts.erase(1)
    assert not await may_log_in(world, PASSWORD)
    app = Browser(world.http, tokens["client_id"])
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400
    assert world.edges[Revocable.USER].keys() == {"1"}


async def test_what_could_not_be_published_is_published_later(world: World) -> None:
    class Gone(Edges):
        async def add(self, *_: object) -> None:
            raise UnavailableError("gone")

    edges = Gone()
    revocations = Revocations(world.store, edges, world.clock)
    await revocations.revoke(Revocable.USER, "1")
    await revocations.revoke(Revocable.USER, "2")
    assert edges == {}
    edges.__class__ = Edges
    await revocations.publish()
    assert edges[Revocable.USER].keys() == {"1", "2"}
    edges.clear()
    # By another process, and again, as what carries the news may lose it; and for as long as
    # another issuer's tokens may live.
    world.clock.ms += (USER_TOKEN_S - 1) * 1_000
    await Revocations(world.store, edges, world.clock).publish()
    assert edges[Revocable.USER].keys() == {"1", "2"}
    edges.clear()
    world.clock.ms += (USER_TOKEN_S + SKEW_S) * 1_000
    await revocations.publish()
    assert not edges[Revocable.USER]


async def test_script_of_the_page_is_answered_in_json(world: World) -> None:
    await sign_up(world.http)
    app = await world.app()
    browser = Browser(world.http, app.client_id)
    world.http.headers["accept"] = "application/json"
    wrong = await browser.submit("ada", "wrong password")
    assert (wrong.status_code, wrong.json()["wrong"]) == (400, "Wrong handle or password.")
    again = await world.http.post(
        "/oauth/log-in",
        data={
            **browser.asked,
            "handle": "ada",
            "password": PASSWORD,
            "decision": "allow",
            "csrf": wrong.json()["csrf"],
        },
    )
    assert again.status_code == 200, again.text
    assert again.json()["location"].startswith(browser.asked["redirect_uri"])
    assert "code=" in again.json()["location"]
    forged = await browser.submit("ada", PASSWORD, csrf="guessed")
    assert (forged.status_code, "location" in forged.json()) == (400, False)
    declined = await browser.submit("", "", decision="deny")
    assert "error=access_denied" in declined.json()["location"]


async def test_session_id_in_a_token_ends_nothing(world: World) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    body = tokens["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    app = Browser(world.http, tokens["client_id"])
    for guess in (f"{claims['sid']}.x", claims["sid"]):
        assert (await app.refresh(guess)).status_code == 400
    assert claims["sid"] not in tokens["refresh_token"]
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200
