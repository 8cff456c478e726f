"""The OpenID Foundation's tests of the profile Dynamic OP that do not need its registration.

The profile as a whole is not to be had: operators register apps. What its modules ask of redirect
URIs, algorithms and keys holds for these apps just as well.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from services.platform.errors import InvalidArgumentError
from tests.identity.browser import Browser, sent_back, sign_up
from tests.identity.confidential_client import Client
from tests.identity.oauth_steps import read
from tests.identity.openid_plans import NOT_OF_DYNAMIC
from tests.identity.world import PASSWORD, REDIRECT, World

WITH_QUERY = f"{REDIRECT}?foo=bar"
Module = Callable[[World], Awaitable[None]]


async def client(world: World, *redirect_uris: str, alg: str = "RS256") -> Client:
    uris = redirect_uris or (REDIRECT,)
    app = await world.clients.register("App", uris, public=False, id_token_alg=alg)
    return Client(world, app.client_id, app.client_secret or "")


async def shown_to_the_person(app: Client, redirect_uri: str | None) -> None:
    """The answer is a page that says what is wrong, and leads nowhere."""
    page = await app.asking(redirect_uri=redirect_uri).page()
    assert (page.status_code, "location" in page.headers) == (400, False)
    assert "<h1>" in page.text


async def id_token_rs256(world: World) -> None:
    await (await client(world, alg="RS256")).logs_in()


async def redirect_uri_missing(world: World) -> None:
    await shown_to_the_person(await client(world, REDIRECT, f"{REDIRECT}/other"), None)
    # With one URI, OpenID Connect Core, 3.1.2.1, wants it said all the same.
    await shown_to_the_person(await client(world), None)


async def redirect_uri_query_ok(world: World) -> None:
    app = await client(world, WITH_QUERY)
    browser = app.asking(redirect_uri=WITH_QUERY)
    back = sent_back(await browser.submit("ada", PASSWORD))
    assert back["foo"] == "bar", "what the app registered is still there"
    assert (await app.exchange(browser, back["code"])).status_code == 200


async def redirect_uri_query_mismatch(world: World) -> None:
    await shown_to_the_person(await client(world, WITH_QUERY), f"{REDIRECT}?foo=baz")
    await shown_to_the_person(await client(world, WITH_QUERY), f"{WITH_QUERY}&more=1")
    await shown_to_the_person(await client(world, WITH_QUERY), REDIRECT)


async def redirect_uri_query_added(world: World) -> None:
    await shown_to_the_person(await client(world), WITH_QUERY)
    await shown_to_the_person(await client(world), f"{REDIRECT}?")


async def redirect_uri_fragment(world: World) -> None:
    with pytest.raises(InvalidArgumentError, match="redirect_uri"):
        await client(world, f"{REDIRECT}#foo=bar")
    await shown_to_the_person(await client(world), f"{REDIRECT}#foo=bar")


async def rotated_keys(world: World) -> None:
    app = await client(world)
    before = {key["kid"] for key in (await world.http.get("/oauth/keys")).json()["keys"]}
    _, from_ms = await world.id_keyring.rotate()
    await world.id_keyring.refresh()
    after = {key["kid"] for key in (await world.http.get("/oauth/keys")).json()["keys"]}
    (new,) = after - before
    world.clock.ms = from_ms
    header, _ = await read(world, (await app.logs_in())["id_token"])
    assert header["kid"] == new


MODULES: Final[dict[str, Module]] = {
    "oidcc-idtoken-rs256": id_token_rs256,
    "oidcc-ensure-redirect-uri-in-authorization-request": redirect_uri_missing,
    "oidcc-redirect-uri-query-OK": redirect_uri_query_ok,
    "oidcc-redirect-uri-query-mismatch": redirect_uri_query_mismatch,
    "oidcc-redirect-uri-query-added": redirect_uri_query_added,
    "oidcc-redirect-uri-regfrag": redirect_uri_fragment,
    "oidcc-server-rotate-keys": rotated_keys,
}
"""By the names of the suite's modules, in the order of its plan."""


@pytest.mark.parametrize("name", MODULES)
async def test_module(world: World, name: str) -> None:
    await sign_up(world.http)
    await MODULES[name](world)


async def test_what_is_left_out_is_not_offered(world: World) -> None:
    assert not NOT_OF_DYNAMIC.keys() & MODULES.keys()
    said = (await world.http.get("/.well-known/openid-configuration")).json()
    assert not {"registration_endpoint", "userinfo_signing_alg_values_supported"} & said.keys()
    assert "private_key_jwt" not in said["token_endpoint_auth_methods_supported"]
    assert not said["request_uri_parameter_supported"]
    app = Browser(world.http, (await world.app()).client_id, request_uri="https://app.test/r")
    assert sent_back(await app.page())["error"] == "request_uri_not_supported"
