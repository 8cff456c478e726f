"""API keys at the real Envoy, signed by the real issuer."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt

from services.platform.tokens.issuers import APP_KEY_AUDIENCE
from tests.edge.conftest import Edge
from tests.edge.test_issuer import edge_before, token, until
from tests.identity.browser import Browser, sign_up
from tests.identity.world import ISSUER, World, identity_world

HOME = "/v1/timeline/home"
TWEET = "/v1/tweets/1"
KEY_ALONE = "an API key speaks for no user: send a token too"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with identity_world(tmp_path) as made:
        await sign_up(made.http)
        yield made


async def get(edge: Edge, path: str, key: str | None, token: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"x-api-key": key}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    edge.timelines.metadata = {}
    return await edge.client.get(path, headers=headers)


def refused(answer: httpx.Response, status: int, code: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert (status != 401) or answer.headers["www-authenticate"].startswith("Bearer")
    return str(answer.json()["message"])


async def test_key_goes_with_a_token_of_its_own_app_and_stays_here(world: World) -> None:
    async with edge_before(world) as edge:
        app = await world.app()
        key = (await world.app_keys.make(app.client_id)).key
        shown = (await Browser(edge.client, app.client_id).tokens())["access_token"]
        for _ in range(2):  # the second is answered from the cache of checked keys
            answer = await get(edge, HOME, key, shown)
            assert answer.status_code == 200, answer.text
            seen = edge.timelines.metadata
            assert (seen["x-client-id"], seen["x-user-id"]) == (app.client_id, "1")
            inside = {"x-api-key", "x-api-key-id", "x-session-id", "authorization"}
            assert not seen.keys() & inside


async def test_key_of_one_app_with_the_token_of_another_is_refused(world: World) -> None:
    async with edge_before(world) as edge:
        mine, other = await world.app(), await world.app()
        key = (await world.app_keys.make(other.client_id)).key
        shown = (await Browser(edge.client, mine.client_id).tokens())["access_token"]
        assert (await get(edge, HOME, None, shown)).status_code == 200
        said = refused(await get(edge, HOME, key, shown), 403, 7)
        assert said == "the API key is of another app than the token"
        assert edge.timelines.metadata == {}


@pytest.mark.parametrize("public_reads", [False, True])
async def test_key_alone_has_no_rights_of_a_user(world: World, *, public_reads: bool) -> None:
    async with edge_before(world, public_reads=public_reads) as edge:
        app = await world.app()
        key = (await world.app_keys.make(app.client_id)).key
        assert refused(await get(edge, HOME, key), 401, 16) == KEY_ALONE
        body = {"text": "hello"}
        headers = {"x-api-key": key}
        written = await edge.client.post("/v1/tweets", json=body, headers=headers)
        assert refused(written, 401, 16) == KEY_ALONE
        read = await get(edge, f"/v1/tweets/{1849274738291834881}", key)
        if not public_reads:
            assert refused(read, 401, 16) == KEY_ALONE
            return
        assert read.status_code == 200, read.text
        # What limits go by.
        assert edge.tweets.metadata["x-client-id"] == app.client_id
        assert edge.tweets.metadata["x-scope"] == "-"
        assert "x-user-id" not in edge.tweets.metadata


async def test_what_is_no_good_key_is_refused_wherever_it_comes(world: World) -> None:
    async with edge_before(world, public_reads=True) as edge:
        app = await world.app()
        good = (await world.app_keys.make(app.client_id)).key
        shown = (await Browser(edge.client, app.client_id).tokens())["access_token"]
        head, body, signature = good.split(".")
        claims = {"iss": ISSUER, "aud": APP_KEY_AUDIENCE, "sub": app.client_id, "jti": "x"}
        forger = world.keyring.signing()
        past = {**claims, "exp": 1_000_000_000}
        header = {"alg": "ES256", "kid": world.app_keyring.signing().kid}
        bad = {
            "nonsense": "nonsense",
            "empty": "",
            "another signature": f"{head}.{body}.{signature[::-1]}",
            "the key that signs tokens": jwt.encode(
                {"alg": "ES256", "kid": forger.kid}, {**claims, "exp": 9_000_000_000}, forger
            ),
            "expired": jwt.encode(header, past, world.app_keyring.signing()),
            "without an end": jwt.encode(header, claims, world.app_keyring.signing()),
            "an access token": shown,
        }
        for name, key in bad.items():
            for with_token in (None, shown):
                for path in (HOME, TWEET):
                    said = refused(await get(edge, path, key, with_token), 401, 16)
                    assert said.startswith("the API key is not good: "), (name, said)
        # A good key excuses no bad token, and is none itself.
        assert refused(await get(edge, TWEET, good, "nonsense"), 401, 16)
        assert refused(await get(edge, HOME, None, good), 401, 16)
        assert (await get(edge, HOME, good, shown)).status_code == 200


async def test_key_of_nearly_our_audience_or_with_no_text_for_a_claim_is_401(world: World) -> None:
    async with edge_before(world, public_reads=True) as edge:
        app = await world.app()
        signer = world.app_keyring.signing()
        header = {"alg": "ES256", "kid": signer.kid}
        good = {
            "iss": ISSUER,
            "aud": APP_KEY_AUDIENCE,
            "sub": app.client_id,
            "jti": "x",
            "exp": 9_000_000_000,
        }
        assert (await get(edge, TWEET, jwt.encode(header, good, signer))).status_code == 404
        for change in (
            {"aud": f"{APP_KEY_AUDIENCE}/"},
            {"aud": [f"https://{APP_KEY_AUDIENCE}"]},
            {"jti": "x\r\nx-scope: act:any"},
            {"sub": "x\r\nx-scope: act:any"},
        ):
            key = jwt.encode(header, {**good, **change}, signer)
            refused(await get(edge, TWEET, key), 401, 16)


async def test_two_keys_are_none(world: World) -> None:
    async with edge_before(world) as edge:
        app, other = await world.app(), await world.app()
        mine = (await world.app_keys.make(app.client_id)).key
        theirs = (await world.app_keys.make(other.client_id)).key
        shown = (await Browser(edge.client, app.client_id).tokens())["access_token"]
        for keys in ([mine, theirs], [theirs, mine], [mine, mine], [f"{mine}, {theirs}"]):
            headers = [("authorization", f"Bearer {shown}"), *(("x-api-key", key) for key in keys)]
            refused(await edge.client.get(HOME, headers=headers), 400, 3)
        assert (await get(edge, HOME, mine, shown)).status_code == 200


async def test_headers_that_name_keys_and_sessions_do_not_come_from_outside(world: World) -> None:
    async with edge_before(world) as edge:
        shown = await token(world, "ada")
        headers = {"authorization": f"Bearer {shown}", "x-api-key-id": "x", "X-Session-Id": "y"}
        assert (await edge.client.get(HOME, headers=headers)).status_code == 200
        assert not edge.timelines.metadata.keys() & {"x-api-key-id", "x-session-id"}


async def test_signer_of_keys_is_rotated_and_old_keys_stay_good(world: World) -> None:
    fetched = 0
    jwks = world.app_keyring.jwks

    def counted() -> object:
        nonlocal fetched
        fetched += 1
        return jwks()

    world.app_keyring.jwks = counted  # type: ignore[method-assign, assignment]
    async with edge_before(world) as edge:
        app = await world.app()
        old = (await world.app_keys.make(app.client_id)).key
        shown = (await Browser(edge.client, app.client_id).tokens())["access_token"]
        _, from_ms = await world.app_keyring.rotate()
        await world.app_keyring.refresh()
        seen = fetched
        await until(lambda: fetched > seen + 3)  # two providers fetch them
        world.clock.ms = from_ms
        new = (await world.app_keys.make(app.client_id)).key
        assert old.split(".")[0] != new.split(".")[0]
        for key in (old, new):
            answer = await get(edge, HOME, key, shown)
            assert answer.status_code == 200, answer.text
