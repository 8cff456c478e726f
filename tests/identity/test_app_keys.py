"""API keys as operators make them; what they do is for tests/edge/test_app_keys.py."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.identity.app_keys import MAX_LIVE_KEYS
from services.platform.errors import FailedPreconditionError, NotFoundError
from services.platform.tokens.issuers import APP_KEY_AUDIENCE
from services.platform.tokens.revocations import Revocable
from tests.identity.world import ISSUER, World

YEAR_MS = 365 * 86_400_000


async def test_key_is_signed_for_its_app_for_a_year(world: World) -> None:
    app = await world.app()
    made = await world.app_keys.make(app.client_id)
    published = (await world.http.get("/oauth/app-keys")).json()
    claims = jwt.decode(made.key, KeySet.import_key_set(published), algorithms=["ES256"]).claims
    assert claims["sub"] == app.client_id
    assert (claims["iss"], claims["aud"]) == (ISSUER, APP_KEY_AUDIENCE)
    assert claims["jti"] == made.key_id
    assert claims["exp"] * 1_000 == made.expires_at_ms == world.clock.ms + YEAR_MS
    # Neither opens what the other opens.
    tokens = (await world.http.get("/oauth/jwks")).json()
    assert {key["kid"] for key in published["keys"]}.isdisjoint(k["kid"] for k in tokens["keys"])
    assert published["keys"][0].keys() == tokens["keys"][0].keys()


async def test_apps_see_their_own_keys(world: World) -> None:
    mine, other = await world.app(), await world.app()
    keys = {(await world.app_keys.make(mine.client_id)).key_id for _ in range(2)}
    await world.app_keys.make(other.client_id)
    assert (await world.app_keys.of(mine.client_id)).keys() == keys


async def test_app_has_so_many_live_keys(world: World) -> None:
    app = await world.app()
    made = [await world.app_keys.make(app.client_id) for _ in range(MAX_LIVE_KEYS)]
    with pytest.raises(FailedPreconditionError, match="revoke one"):
        await world.app_keys.make(app.client_id)
    await world.app_keys.revoke(made[0].key_id)
    await world.app_keys.make(app.client_id)
    world.clock.ms += YEAR_MS
    await world.app_keyring.refresh()
    await world.app_keys.make(app.client_id)


async def test_revoked_key_is_published_until_it_would_have_expired(world: World) -> None:
    app = await world.app()
    gone, kept = [await world.app_keys.make(app.client_id) for _ in range(2)]
    for _ in range(2):
        await world.app_keys.revoke(gone.key_id)
    assert len(world.audit.of("app_key.revoked")) == 1
    assert [key.revoked for key in (await world.app_keys.of(app.client_id)).values()].count(
        True
    ) == 1
    for _ in range(2):  # again and again, as what carries the news may lose it
        world.edges.clear()
        await world.revocations.publish()
        until = world.edges[Revocable.APP_KEY]
        assert until.keys() == {gone.key_id}
        assert until[gone.key_id] >= gone.expires_at_ms
    assert kept.key_id not in until


async def test_what_is_not_there_is_reported(world: World) -> None:
    with pytest.raises(NotFoundError, match="no app nobody"):
        await world.app_keys.make("nobody")
    with pytest.raises(NotFoundError, match="no app nobody"):
        await world.app_keys.of("nobody")
    with pytest.raises(NotFoundError, match="no API key x"):
        await world.app_keys.revoke("x")


async def test_signer_stays_as_long_as_what_it_signed(world: World) -> None:
    first = world.app_keyring.signing().kid
    _, from_ms = await world.app_keyring.rotate()
    world.clock.ms = from_ms + YEAR_MS
    await world.app_keyring.refresh()
    assert first in {key["kid"] for key in world.app_keyring.jwks()["keys"]}
    world.clock.ms += 61_000
    await world.app_keyring.refresh()
    assert first not in {key["kid"] for key in world.app_keyring.jwks()["keys"]}
