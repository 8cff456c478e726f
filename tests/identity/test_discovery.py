"""The discovery document says what is so, and no more: each field against what the issuer does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.identity.discovery import discovery
from services.identity.operator_client import HANDLE_TOKEN_TYPE, TOKEN_EXCHANGE
from services.identity.scopes import USER_SCOPES
from tests.identity.browser import Browser, sent_back, sign_up
from tests.identity.oauth_steps import logged_in, read
from tests.identity.world import ISSUER, OPERATOR_SECRET, PASSWORD, REDIRECT, World

Said = Any


async def error_of(world: World, **asked: str) -> str:
    """What comes back to the app of a request that asks for this; empty of a page."""
    await sign_up(world.http)
    app = await world.app()
    page = await Browser(world.http, app.client_id, **asked).page()
    return "" if page.status_code == 200 else sent_back(page)["error"]


async def issuer(world: World, said: Said) -> None:
    assert said == ISSUER
    _, claims = await read(world, (await (await logged_in(world)).tokens())["id_token"])
    assert claims["iss"] == said


async def endpoint(world: World, said: Said) -> None:
    answer = await world.http.post(said.removeprefix(ISSUER), data={"x": "1"})
    assert answer.status_code in {400, 401}, answer.text


async def keys(world: World, said: Said) -> None:
    shown = (await world.http.get(said.removeprefix(ISSUER))).json()["keys"]
    made = await (await logged_in(world)).tokens()
    used = {(await read(world, made[name]))[0]["kid"] for name in ("id_token", "access_token")}
    assert used == {key["kid"] for key in shown}


async def scopes(world: World, said: Said) -> None:
    made = await (await logged_in(world, scope=None)).tokens()
    assert made["scope"].split() == said == list(USER_SCOPES)


async def response_types(world: World, said: Said) -> None:
    kinds = ["code", "token", "id_token", "code token", "code id_token", "none"]
    assert said == [kind for kind in kinds if not await error_of(world, response_type=kind)]


async def response_modes(world: World, said: Said) -> None:
    modes = ["query", "fragment", "form_post", "query.jwt", "web_message"]
    assert said == [mode for mode in modes if not await error_of(world, response_mode=mode)]


async def grant_types(world: World, said: Said) -> None:
    await sign_up(world.http)
    app = await world.app(public=False)
    auth = (app.client_id, app.client_secret or "")
    browser = Browser(world.http, app.client_id)
    code, secret = await browser.code(), {"client_secret": app.client_secret or ""}
    made = (await browser.exchange(code, **secret)).json()
    granted = {"authorization_code": "access_token" in made}
    granted["refresh_token"] = (
        await browser.refresh(made["refresh_token"], **secret)
    ).status_code == 200
    mine = {"grant_type": "client_credentials"}
    answer = await world.http.post("/oauth/token", data=mine, auth=auth)
    granted["client_credentials"] = answer.status_code == 200
    of_ada = {"subject_token": "ada", "subject_token_type": HANDLE_TOKEN_TYPE}
    answer = await world.http.post(
        "/oauth/token",
        data={"grant_type": TOKEN_EXCHANGE, **of_ada},
        auth=("operator", OPERATOR_SECRET),
    )
    granted[TOKEN_EXCHANGE] = answer.status_code == 200
    password = {"grant_type": "password", "username": "ada", "password": PASSWORD}
    answer = await world.http.post("/oauth/token", data=password, auth=auth)
    granted["password"] = answer.status_code == 200
    assert said == [grant for grant, given in granted.items() if given]


async def prompts(world: World, said: Said) -> None:
    errors = {
        prompt: await error_of(world, prompt=prompt)
        for prompt in ("none", "login", "consent", "select_account", "create")
    }
    # It is known, and what it asks for cannot be: nobody is ever logged in already.
    assert errors.pop("none") == "login_required"
    assert said == ["none", *(prompt for prompt, error in errors.items() if not error)]


def shown_in(
    way: str, app: str, secret: str | None
) -> tuple[dict[str, str], httpx.BasicAuth | None]:
    if way == "client_secret_basic":
        return {}, httpx.BasicAuth(app, secret or "")
    return {"client_id": app, **({"client_secret": secret} if secret else {})}, None


def auth_methods(path: str, form: dict[str, str]) -> Callable[[World, Said], Awaitable[None]]:
    async def hold(world: World, said: Said) -> None:
        assert said == ["client_secret_basic", "client_secret_post", "none"]
        for way in said:
            app = await world.app(public=way == "none")
            mine, auth = shown_in(way, app.client_id, app.client_secret)
            answer = await world.http.post(path, data={**form, **mine}, auth=auth)
            # The client is known; what it brings is not.
            assert answer.json().get("error") in {None, "invalid_grant"}, answer.text
            bad, auth = shown_in(way, app.client_id, "wrong")
            answer = await world.http.post(path, data={**form, **bad}, auth=auth)
            assert answer.json()["error"] == "invalid_client"

    return hold


async def challenge_methods(world: World, said: Said) -> None:
    methods = ["S256", "plain"]
    assert said == [one for one in methods if not await error_of(world, code_challenge_method=one)]


async def id_token_algorithms(world: World, said: Said) -> None:
    await sign_up(world.http)
    assert said[0] == "RS256", "the default of OpenID Connect"
    for algorithm in said:
        app = await world.clients.register("App", [REDIRECT], public=True, id_token_alg=algorithm)
        made = await Browser(world.http, app.client_id).tokens()
        assert (await read(world, made["id_token"]))[0]["alg"] == algorithm


async def subject_types(world: World, said: Said) -> None:
    assert said == ["public"]
    await sign_up(world.http)
    for _ in range(2):
        made = await Browser(world.http, (await world.app()).client_id).tokens()
        assert (await read(world, made["id_token"]))[1]["sub"] == "1", "the same for every app"


async def claim_types(world: World, said: Said) -> None:
    assert said == ["normal"]
    made = await (await logged_in(world)).tokens()
    _, claims = await read(world, made["id_token"])
    assert not {"_claim_names", "_claim_sources"} & claims.keys()


async def claims(world: World, said: Said) -> None:
    made = await (await logged_in(world)).tokens()
    _, shown = await read(world, made["id_token"])
    mine = {"authorization": f"Bearer {made['access_token']}"}
    userinfo = (await world.http.get("/oauth/userinfo", headers=mine)).json()
    assert {*said} == {*shown, *userinfo}
    assert shown["sub"] == userinfo["sub"]


def no_parameter(name: str, error: str) -> Callable[[World, Said], Awaitable[None]]:
    async def hold(world: World, said: Said) -> None:
        assert said is False
        assert await error_of(world, **{name: '{"id_token":{"acr":null}}'}) == error

    return hold


async def names_issuer(world: World, said: Said) -> None:
    assert said is True
    declined = await (await logged_in(world)).submit("", "", decision="deny")
    assert sent_back(declined)["iss"] == ISSUER


HELD: dict[str, Callable[[World, Said], Awaitable[None]]] = {
    "issuer": issuer,
    "authorization_endpoint": endpoint,
    "token_endpoint": endpoint,
    "revocation_endpoint": endpoint,
    "userinfo_endpoint": endpoint,
    "jwks_uri": keys,
    "scopes_supported": scopes,
    "response_types_supported": response_types,
    "response_modes_supported": response_modes,
    "grant_types_supported": grant_types,
    "prompt_values_supported": prompts,
    "token_endpoint_auth_methods_supported": auth_methods(
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "code": "x",
            "redirect_uri": REDIRECT,
            "code_verifier": "v" * 43,
        },
    ),
    "revocation_endpoint_auth_methods_supported": auth_methods("/oauth/revoke", {"token": "x"}),
    "code_challenge_methods_supported": challenge_methods,
    "id_token_signing_alg_values_supported": id_token_algorithms,
    "subject_types_supported": subject_types,
    "claim_types_supported": claim_types,
    "claims_supported": claims,
    "claims_parameter_supported": no_parameter("claims", ""),
    "request_parameter_supported": no_parameter("request", "request_not_supported"),
    "request_uri_parameter_supported": no_parameter("request_uri", "request_uri_not_supported"),
    "authorization_response_iss_parameter_supported": names_issuer,
}


def test_every_field_is_held() -> None:
    assert discovery(ISSUER).keys() == HELD.keys()


@pytest.mark.parametrize("field", HELD)
async def test_field_says_what_is_so(world: World, field: str) -> None:
    said = (await world.http.get("/.well-known/openid-configuration")).json()
    async with asyncio.timeout(100):
        await HELD[field](world, said[field])
