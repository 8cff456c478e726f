"""The Valkey bus when its server dies or forgets."""

import asyncio

import pytest

from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import UnavailableError
from tests.contract.bus_engines import TOPOLOGY, ValkeyServer, valkey_server
from tests.contract.bus_waits import consumer_of, take, until

__all__ = ["valkey_server"]


class TestValkeyRestart:
    async def test_a_killed_server_loses_nothing_and_the_consumer_recovers(
        self, valkey_server: ValkeyServer
    ) -> None:
        driver = ValkeyStreamsDriver(valkey_server.url, TOPOLOGY, visibility_s=1.0)
        await driver.declare(TOPOLOGY)
        seen: dict[bytes, int] = {}

        async def handler(message: Message, attempt: int) -> None:
            seen[message.data] = attempt

        consumer = consumer_of(driver, handler, name="second.one")
        consumer.pause()
        await consumer.start()
        try:
            await driver.publish("second", [Message(b"tried")])
            [tried] = await take(driver, "second.one", 1)
            await driver.delay("second.one", tried, 0.1)
            await driver.publish("second", [Message(b"%d" % n) for n in range(199)])
            valkey_server.kill()
            consumer.resume()
            with pytest.raises(UnavailableError):
                await driver.publish("second", [Message(b"refused")])
            await asyncio.to_thread(valkey_server.start)
            await until(lambda: len(seen) == 200)
        finally:
            await consumer.stop()
        # Other processes count on: attempts live in the engine.
        assert seen[b"tried"] == 2
        assert await driver.backlog("second.one") == 0
        await driver.close()

    async def test_a_flushed_server_gets_its_groups_again(
        self, valkey_server: ValkeyServer
    ) -> None:
        driver = ValkeyStreamsDriver(valkey_server.url, TOPOLOGY)
        await driver.declare(TOPOLOGY)
        waiting = asyncio.create_task(take(driver, "second.one", 1))
        await asyncio.sleep(0)
        await driver._client.flushall()
        await driver.publish("second", [Message(b"after")])
        assert [each.message.data for each in await waiting] == [b"after"]
        await driver.close()
