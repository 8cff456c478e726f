"""Apps as operators list and remove them."""

from dataclasses import replace

import pytest

from services.identity.app_keys import AppKeys
from services.identity.apps import Apps
from services.identity.operator_client import OPERATOR_CLIENT_ID
from services.platform.errors import InvalidArgumentError, NotFoundError
from tests.identity.oauth_steps import logged_in, refused
from tests.identity.world import World


def apps_of(world: World) -> Apps:
    return Apps(world.store, world.app_keys, world.audit)


async def test_apps_are_listed_without_the_operators_own(world: World) -> None:
    await world.clients.ensure_operator("secret")
    made = [(await world.app()).client_id, (await world.app(public=False)).client_id]
    found = await apps_of(world).all()
    assert list(found) == sorted(made)
    assert {client.name for client in found.values()} == {"Birdwatch"}
    assert [found[each].secret_digest is None for each in made] == [True, False]


async def test_a_removed_app_gets_no_more_tokens_and_its_keys_are_revoked(world: World) -> None:
    browser = await logged_in(world)
    token = (await browser.tokens())["refresh_token"]
    app = browser.asked["client_id"]
    keys = [(await world.app_keys.make(app)).key_id for _ in range(2)]
    other = await world.app()
    kept = (await world.app_keys.make(other.client_id)).key_id
    await apps_of(world).remove(app)
    refused(await browser.refresh(token), "invalid_client")
    assert [(await world.store.app_keys.get(each)).revoked for each in keys] == [True, True]  # type: ignore[union-attr]
    assert not (await world.store.app_keys.get(kept)).revoked  # type: ignore[union-attr]
    assert list(await apps_of(world).all()) == [other.client_id]
    (removed,) = world.audit.of("app.removed")
    assert (removed["client_id"], removed["name"]) == (app, "Birdwatch")
    with pytest.raises(NotFoundError, match=f"there is no app {app}"):
        await apps_of(world).remove(app)


async def test_a_key_made_while_its_app_goes_is_revoked_too(world: World) -> None:
    app = (await world.app()).client_id

    class LateKey(AppKeys):
        made = ""

        async def revoke_all(self, client_id: str) -> None:
            await world.app_keys.revoke_all(client_id)
            if not self.made:
                LateKey.made = (await world.app_keys.make(client_id)).key_id

    late = LateKey("", world.store, world.app_keyring, world.clock, world.audit)
    await Apps(world.store, late, world.audit).remove(app)
    key = await world.store.app_keys.get(LateKey.made)
    assert key is not None
    assert key.revoked


async def test_the_operators_own_client_may_ask_for_what_a_new_release_brought(
    world: World,
) -> None:
    await world.clients.ensure_operator("secret")
    new = await world.store.clients.get(OPERATOR_CLIENT_ID)
    assert new is not None
    fewer = ("tweets:read", "users:read")
    before = replace(new, user_scopes=fewer, own_scopes=fewer, created_at_ms=7)
    await world.store.clients.put(OPERATOR_CLIENT_ID, before)
    await world.clients.ensure_operator("secret")
    assert await world.store.clients.get(OPERATOR_CLIENT_ID) == replace(new, created_at_ms=7)
    later = replace(new, user_scopes=(*new.user_scopes, "later:read"))
    await world.store.clients.put(OPERATOR_CLIENT_ID, later)
    await world.clients.ensure_operator("secret")
    assert await world.store.clients.get(OPERATOR_CLIENT_ID) == later


async def test_the_operators_own_client_stays(world: World) -> None:
    await world.clients.ensure_operator("secret")
    with pytest.raises(InvalidArgumentError, match="operator's own"):
        await apps_of(world).remove(OPERATOR_CLIENT_ID)
    assert await world.store.clients.get(OPERATOR_CLIENT_ID) is not None
