"""How often a consumer of batches receives, on every engine."""

import asyncio
from collections.abc import Sequence

from services.platform.bus.batch_consumer import Batches
from services.platform.bus.port import Message, Received
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import DEADLINE_S, batch_consumer_of, until

__all__ = ["bus", "pubsub_emulator", "valkey_cluster_url", "valkey_server"]

AN_HOUR_S = 3_600.0


async def test_receives_are_apart_until_batches_are_half_full(bus: BusEngine) -> None:
    few: list[bytes] = []
    many: list[bytes] = []

    async def keep_few(batch: Sequence[Received]) -> None:
        few.extend(each.message.data for each in batch)

    async def keep_many(batch: Sequence[Received]) -> None:
        many.extend(each.message.data for each in batch)

    quiet = batch_consumer_of(bus.driver, keep_few, batches=Batches(100, AN_HOUR_S))
    busy = batch_consumer_of(bus.driver, keep_many, name="first.two", batches=Batches(2, AN_HOUR_S))
    await asyncio.gather(quiet.start(), busy.start())
    for count, body in enumerate((b"first", b"second", b"third"), start=1):
        await bus.driver.publish("first", [Message(body)])
        await until(lambda wanted=count: len(many) == wanted and few != [])  # type: ignore[misc]
    # A stop waits for no pace.
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(quiet.stop(), busy.stop())
    assert few == [b"first"]
    assert many == [b"first", b"second", b"third"]
