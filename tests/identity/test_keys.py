"""Signing keys: published before they sign, kept until what they signed has expired."""

import asyncio
import json

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from services.identity.keys import LEAD_S, Keyring, Keyrings, SealError
from services.platform.errors import InvalidArgumentError
from tests.identity.world import World


def kids(world: World) -> set[str]:
    return {key["kid"] for key in world.keyring.jwks()["keys"]}


async def test_new_key_is_published_at_once_and_signs_later(world: World) -> None:
    first = world.keyring.signing().kid
    kid, from_ms = await world.keyring.rotate()
    await world.keyring.refresh()
    assert kids(world) == {first, kid}
    assert world.keyring.signing().kid == first
    assert from_ms == world.clock.ms + LEAD_S * 1_000
    world.clock.ms = from_ms
    assert world.keyring.signing().kid == kid


async def test_old_key_stays_until_its_tokens_have_expired(world: World) -> None:
    first = world.keyring.signing().kid
    kid, from_ms = await world.keyring.rotate()
    world.clock.ms = from_ms + 900_000
    await world.keyring.refresh()
    assert kids(world) == {first, kid}
    world.clock.ms += 61_000
    await world.keyring.refresh()
    assert kids(world) == {kid}
    assert [facts["kid"] for facts in world.audit.of("key.retired")] == [first]


async def test_key_is_withdrawn_at_once_and_its_successor_signs(world: World) -> None:
    first = str(world.keyring.signing().kid)
    rings = Keyrings(world.keyring, world.id_keyring, world.app_keyring)
    for kid, said in ((first, "the only key"), ("another", "no such signing key")):
        with pytest.raises(InvalidArgumentError, match=said):
            await rings.withdraw(kid)
    second, _ = await world.keyring.rotate()
    await rings.withdraw(first)
    await world.keyring.refresh()
    assert kids(world) == {second}
    assert world.keyring.signing().kid == second
    with pytest.raises(InvalidArgumentError, match=r"or no longer: see key\.withdrawn"):
        await rings.withdraw(first)
    assert [facts["kid"] for facts in world.audit.of("key.withdrawn")] == [first]


async def test_two_rotations_in_a_row_lose_nothing(world: World) -> None:
    first = world.keyring.signing().kid
    second, _ = await world.keyring.rotate()
    third, from_ms = await world.keyring.rotate()
    world.clock.ms = from_ms
    await world.keyring.refresh()
    assert kids(world) == {first, second, third}


async def test_other_process_and_the_next_start_use_the_same_keys(world: World) -> None:
    other = Keyring(world.store.keys, lambda: [b"k" * 32], world.clock, world.audit)
    await other.refresh()
    assert other.signing().kid == world.keyring.signing().kid
    assert other.jwks() == world.keyring.jwks()


async def test_tokens_are_signed_though_the_clock_went_back_behind_every_key(world: World) -> None:
    first = world.keyring.signing().kid
    await world.keyring.rotate()
    await world.keyring.refresh()
    world.clock.ms -= 3_600_000
    assert world.keyring.signing().kid == first


async def test_private_half_is_sealed(world: World) -> None:
    (key,) = (await world.store.keys.all()).values()
    private = world.keyring.signing().as_dict(private=True)["d"]
    assert str(private) not in json.dumps([key.public, key.sealed])
    opened = jwe.decrypt_compact(key.sealed, OctKey.import_key(b"k" * 32))
    assert json.loads(opened.plaintext or b"")["kid"] == key.public["kid"]
    stranger = Keyring(world.store.keys, lambda: [b"x" * 32], world.clock, world.audit)
    with pytest.raises(SealError, match="AVIARY_IDENTITY_KEY"):
        await stranger.refresh()


async def test_processes_that_start_at_once_share_the_first_key(world: World) -> None:
    for name, key in (await world.store.keys.all()).items():
        await world.store.keys.remove(name, key)
    rings = [
        Keyring(world.store.keys, lambda: [b"k" * 32], world.clock, world.audit) for _ in range(4)
    ]
    await asyncio.gather(*(ring.refresh() for ring in rings))
    assert len({ring.signing().kid for ring in rings}) == 1
    assert len(await world.store.keys.all()) == 1


async def test_rotation_before_the_first_start_leaves_a_key_to_sign_with(world: World) -> None:
    for name, key in (await world.store.keys.all()).items():
        await world.store.keys.remove(name, key)
    ring = Keyring(world.store.keys, lambda: [b"k" * 32], world.clock, world.audit)
    kid, _ = await ring.rotate()
    await ring.refresh()
    assert ring.signing().kid != kid
    assert len(ring.jwks()["keys"]) == 2
