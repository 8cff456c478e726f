"""ID tokens: by which key they are signed, and what they say as hints."""

import base64
import json

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from tests.identity.browser import Browser, sent_back, sign_up
from tests.identity.form_steps import at_the_page
from tests.identity.oauth_steps import logged_in, read
from tests.identity.world import ISSUER, PASSWORD, REDIRECT, World


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_app_gets_id_tokens_by_what_it_registered_for(world: World, algorithm: str) -> None:
    await sign_up(world.http)
    app = await world.clients.register("App", [REDIRECT], public=True, id_token_alg=algorithm)
    made = await Browser(world.http, app.client_id).tokens()
    header, claims = await read(world, made["id_token"])
    assert header["alg"] == algorithm
    assert claims["exp"] - claims["iat"] == 900, "not longer than its key is published"
    assert (await read(world, made["access_token"]))[0]["alg"] == "ES256"
    with_edges = KeySet.import_key_set((await world.http.get("/oauth/jwks")).json())
    jwt.decode(made["access_token"], with_edges)
    if algorithm == "RS256":
        with pytest.raises(InvalidKeyIdError):
            jwt.decode(made["id_token"], with_edges, algorithms=["RS256", "ES256"])


async def test_app_that_says_nothing_gets_what_openid_connect_has_for_it(world: World) -> None:
    browser = await logged_in(world)
    header, _ = await read(world, (await browser.tokens())["id_token"])
    assert header["alg"] == "RS256"


async def test_rsa_key_is_rotated_like_the_other(world: World) -> None:
    browser = await logged_in(world)
    before, _ = await read(world, (await browser.tokens())["id_token"])
    kid, from_ms = await world.id_keyring.rotate()
    await world.id_keyring.refresh()
    world.clock.ms = from_ms
    after, _ = await read(world, (await browser.tokens())["id_token"])
    assert (before["kid"] == kid, after["kid"]) == (False, kid)


async def test_hint_of_another_user_gets_no_code(world: World) -> None:
    browser = await logged_in(world)
    hint = (await browser.tokens())["id_token"]
    await sign_up(world.http, "bob")
    hinting = Browser(world.http, browser.asked["client_id"], id_token_hint=hint)
    back = sent_back(await hinting.submit("bob", PASSWORD))
    assert (back["error"], back["state"], "code" in back) == ("login_required", "s1", False)
    assert await hinting.code()
    world.clock.ms += 3_600_000
    assert await hinting.code(), "an old one is a hint all the same"


def unsigned(part: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_hint_that_is_no_id_token_of_ours_is_reported_to_the_app(world: World) -> None:
    browser = await logged_in(world)
    made = await browser.tokens()
    claims = {"iss": ISSUER, "sub": "1"}
    forged = ".".join(map(unsigned, ({"alg": "none", "typ": "JWT"}, claims))) + "."
    for hint in (made["access_token"], "a.b.c", "é", forged):
        hinting = Browser(world.http, browser.asked["client_id"], id_token_hint=hint)
        assert sent_back(await hinting.page())["error"] == "invalid_request", hint


@pytest.mark.parametrize("max_age", ["-1", "x", "1.5", "٣"])
async def test_max_age_is_a_number_of_seconds(world: World, max_age: str) -> None:
    back = sent_back(await (await at_the_page(world, max_age=max_age)).page())
    assert back["error"] == "invalid_request"
