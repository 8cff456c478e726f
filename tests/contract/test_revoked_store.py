"""The lists of what was revoked, on a real Valkey, by a clock that the test moves."""

from services.platform.tokens.revocations import Revocable, Revoked
from services.platform.tokens.revoked_store import RevokedStore, revoked_key
from services.platform.valkey.connection import ValkeyClient
from tests.contract.moved_clocks import MovedClock, clock
from tests.contract.valkey_clients import client, server

__all__ = ["client", "clock", "server"]


async def test_what_was_revoked_is_not_forgotten_by_a_clock_that_was_ahead(
    client: ValkeyClient, clock: MovedClock
) -> None:
    revoked = RevokedStore(client, clock)
    for kind in Revocable:
        await revoked.restore(kind, {})

    async def users() -> frozenset[str]:
        listed = await revoked.listed()
        assert listed is not None
        return listed[Revocable.USER].names

    await revoked.add(Revocable.USER, {"7": clock.ms + 900_000})
    clock.ms += 3_600_000
    assert await users() == frozenset()
    clock.ms -= 3_600_000
    assert await users() == frozenset({"7"})


async def test_what_was_revoked_is_listed_whatever_else_lies_there(
    client: ValkeyClient, clock: MovedClock
) -> None:
    revoked = RevokedStore(client, clock)
    for kind in Revocable:
        await revoked.restore(kind, {})
        await client.zadd(revoked_key(kind), {b"nobody": "inf", b"\xff": "inf"})
    listed = await revoked.listed()
    assert listed is not None
    assert listed[Revocable.USER].names == frozenset()
    await revoked.restore(Revocable.USER, {"7": clock.ms + 900_000})
    listed = await revoked.listed()
    assert listed is not None
    assert listed[Revocable.USER] == Revoked(frozenset({"7"}))


async def test_what_is_no_list_of_the_revoked_is_filled_anew(
    client: ValkeyClient, clock: MovedClock
) -> None:
    revoked = RevokedStore(client, clock)
    for kind in Revocable:
        await revoked.restore(kind, {"7": clock.ms + 900_000})
    assert await revoked.listed() is not None
    await client.set(revoked_key(Revocable.USER), b"no list")
    for _ in range(2):
        listed = await revoked.listed()
        assert listed is not None
        assert listed[Revocable.USER].names == {"7"}
    await revoked.restore(Revocable.USER, {"8": clock.ms + 900_000})
    listed = await revoked.listed()
    assert listed is not None
    assert listed[Revocable.USER].names == {"8"}


async def test_a_gateway_waits_no_longer_for_a_list_by_a_clock_that_was_set_back(
    client: ValkeyClient, clock: MovedClock
) -> None:
    watch = [0.0]
    revoked = RevokedStore(client, clock, lambda: watch[0])
    clock.ms -= 3_600_000
    assert await revoked.listed() is None
    watch[0] = 10.0
    assert await revoked.listed() is not None
