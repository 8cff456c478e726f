"""The issuer's own secrets are replaced while it runs."""

from functools import partial

import httpx
import pytest

from services.identity import app as identity
from services.identity.keys import Keyring, SealError
from services.platform.runtime.background import Background
from tests.certificates import until
from tests.identity.world import OPERATOR_SECRET, World

OLD, NEW = b"k" * 32, b"n" * 32


async def test_the_key_that_seals_is_replaced_by_way_of_both(world: World) -> None:
    sealing = [OLD]
    ring = Keyring(world.store.keys, lambda: sealing, world.clock, world.audit)
    await ring.refresh()
    first = ring.signing().kid
    sealing[:] = [NEW, OLD]
    second, from_ms = await ring.rotate()
    started = Keyring(world.store.keys, lambda: sealing, world.clock, world.audit)
    await started.refresh()
    assert started.signing().kid == first
    with pytest.raises(SealError):
        await Keyring(world.store.keys, lambda: [NEW], world.clock, world.audit).refresh()

    # When the old signing key has retired, nothing wants the old key that sealed it.
    world.clock.ms = from_ms
    while len(await world.store.keys.all()) > 1:
        world.clock.ms += 60_000
        await ring.refresh()
    last = Keyring(world.store.keys, lambda: [NEW], world.clock, world.audit)
    await last.refresh()
    assert last.signing().kid == second


async def test_the_operators_secret_is_replaced(world: World) -> None:
    secrets_in_file = [bytes.fromhex(OPERATOR_SECRET)]

    async def status(secret: bytes) -> int:
        form = {"grant_type": "client_credentials"}
        auth = ("operator", secret.hex())
        return (await world.http.post("/oauth/token", data=form, auth=auth)).status_code

    async def is_taken() -> bool:
        return await status(NEW) == httpx.codes.OK

    step = partial(identity.take_operator_secret, world.clients, lambda: secrets_in_file)
    keeping = Background("tested", step, every_s=0.01)
    keeping.start()
    assert not await is_taken()
    assert await status(secrets_in_file[0]) == httpx.codes.OK
    old, secrets_in_file[0] = secrets_in_file[0], NEW
    await until(is_taken)
    assert await status(old) == httpx.codes.UNAUTHORIZED
    await keeping.stop()
