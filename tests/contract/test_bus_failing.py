"""A consumer at which most messages fail gives hardly any up: it may be wrong itself."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from services.platform.bus import receiving
from services.platform.bus.giving_up import AT_ONCE, ENOUGH
from services.platform.bus.port import BusDriver, Message, Received
from services.platform.bus.receiving import Receiving
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.valkey.connection import ValkeyClient
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import POLICY, batch_consumer_of, consumer_of, until
from tests.contract.valkey_bus import bus as valkey
from tests.contract.valkey_bus import client, url

__all__ = ["bus", "client", "pubsub_emulator", "url", "valkey", "valkey_cluster_url"]
__all__ += ["valkey_server"]

NAME = "first.one"
STREAM, DEAD = b"bus:{first.one}", b"bus:{first.one}:dead"
MOST = AT_ONCE + ENOUGH
"""Some may be given up before so many have failed that it shows."""
MESSAGES = 2 * MOST
Handle = Callable[[bytes], None]


def one_by_one(driver: BusDriver, handle: Handle) -> Receiving:
    async def handler(message: Message, _: int) -> None:
        handle(message.data)

    return consumer_of(driver, handler)


def in_batches(driver: BusDriver, handle: Handle) -> Receiving:
    async def handler(batch: Sequence[Received]) -> None:
        for each in batch:
            handle(each.message.data)

    return batch_consumer_of(driver, handler)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LOOK_EVERY_S", 0.05)


@pytest.mark.parametrize("kind", [one_by_one, in_batches])
async def test_one_in_order_gets_nearly_all_that_another_failed_at(
    bus: BusEngine, kind: Callable[[BusDriver, Handle], Receiving]
) -> None:
    attempts: Counter[bytes] = Counter()
    handled: set[bytes] = set()

    def fails(body: bytes) -> None:
        attempts[body] += 1
        raise ValueError("a bad release")

    bodies = {b"%d" % number for number in range(MESSAGES)}
    await bus.driver.publish("first", [Message(body) for body in bodies])
    wrong = kind(bus.driver, fails)
    await wrong.start()
    # Those that are not given up are tried more often than the policy's most.
    more = 2 * POLICY.max_attempts
    await until(lambda: sum(tries > more for tries in attempts.values()) >= MESSAGES - MOST)
    assert wrong.fails
    await wrong.stop()
    dead = {each.message.data for each in await bus.driver.list_dead_letters(NAME, limit=100)}
    assert AT_ONCE <= len(dead) <= MOST
    right = kind(bus.driver, handled.add)
    await right.start()
    await until(lambda: handled == bodies - dead)
    assert not right.fails
    await right.stop()


async def test_few_are_given_up_of_many_that_killed_whoever_had_them(
    valkey: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    tried = b"%d" % (2 * POLICY.max_attempts)
    for number in range(MESSAGES):
        await client.xadd(STREAM, {b"d": b"%d" % number, b"a": b"{}", b"n": tried})
    consumer = one_by_one(valkey, lambda _: pytest.fail("no handler is to see it"))
    await consumer.start()

    async with asyncio.timeout(20):
        while await client.xlen(STREAM):  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(0.01)
    await consumer.stop()
    assert await valkey.dead_letters(NAME) == AT_ONCE
    # All others come again.
    assert await valkey.backlog(NAME) == MESSAGES - AT_ONCE


async def test_a_dead_letter_is_kept_for_a_month(
    valkey: ValkeyStreamsDriver, client: ValkeyClient
) -> None:
    now_s, _ = await client.time()
    old, older = (f"{(now_s - days * 86_400) * 1_000}-0" for days in (30, 32))
    for entry_id in (older, old):
        await client.xadd(DEAD, {b"d": b"", b"a": b"{}", b"r": b"failed"}, id=entry_id)
    await valkey.publish("first", [Message(b"poison")])
    [received] = await valkey.receive(NAME, max_messages=1, wait_s=5.0)
    await valkey.dead_letter(NAME, received, "failed now")
    kept = await valkey.list_dead_letters(NAME, limit=10)
    assert (kept[0].id, kept[1].reason, len(kept)) == (old, "failed now", 2)
