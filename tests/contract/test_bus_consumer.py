"""The consumer on every engine: nothing lost, draining, pausing, priority."""

import asyncio
from collections import Counter

from services.platform.bus.port import Message
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import consumer_of, until

__all__ = ["bus", "pubsub_emulator", "valkey_cluster_url", "valkey_server"]


class TestConsumer:
    async def test_none_of_a_thousand_is_lost(self, bus: BusEngine) -> None:
        seen: Counter[bytes] = Counter()

        async def handler(message: Message, attempt: int) -> None:
            await asyncio.sleep(0)
            if attempt == 1 and message.data.endswith(b"7"):
                raise ConnectionError("not yet")
            seen[message.data] += 1

        consumer = consumer_of(bus.driver, handler)
        consumer.start()
        for start in range(0, 1000, 100):
            page = [Message(b"%d" % n) for n in range(start, start + 100)]
            await bus.driver.publish("first", page)
        await until(lambda: len(seen) == 1000)
        await consumer.stop()
        if bus.tells_backlog:
            assert await bus.driver.backlog("first.one") == 0
            assert set(seen.values()) == {1}

    async def test_stop_finishes_what_is_in_hand(self, bus: BusEngine) -> None:
        release, begun, ended = asyncio.Event(), [], []

        async def slow(message: Message, _: int) -> None:
            begun.append(message.data)
            await release.wait()
            ended.append(message.data)

        consumer = consumer_of(bus.driver, slow)
        await bus.driver.publish("first", [Message(b"%d" % n) for n in range(5)])
        consumer.start()
        await until(lambda: len(begun) == 5)
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        release.set()
        await stopping
        assert (len(ended), consumer.in_hand) == (5, 0)
        if bus.tells_backlog:
            assert await bus.driver.backlog("first.one") == 0

    async def test_paused_receives_nothing_until_resumed(self, bus: BusEngine) -> None:
        seen: list[bytes] = []

        async def handler(message: Message, _: int) -> None:
            seen.append(message.data)

        consumer = consumer_of(bus.driver, handler)
        consumer.pause()
        consumer.start()
        await bus.driver.publish("first", [Message(b"waits")])
        assert len(await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)) == 1
        assert seen == []
        consumer.resume()
        await until(lambda: seen == [b"waits"])
        await consumer.stop()

    async def test_lower_priority_waits_for_higher(self, bus: BusEngine) -> None:
        release, order = asyncio.Event(), []

        async def high(_: Message, __: int) -> None:
            order.append("high begins")
            await release.wait()
            order.append("high ends")

        async def low(_: Message, __: int) -> None:
            order.append("low")

        first = consumer_of(bus.driver, high)
        second = consumer_of(bus.driver, low, yield_to=first, name="second.one")
        await bus.driver.publish("first", [Message(b"high")])
        first.start()
        await until(lambda: order == ["high begins"])
        second.start()
        await bus.driver.publish("second", [Message(b"low")])
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        release.set()
        await until(lambda: len(order) == 3)
        await asyncio.gather(first.stop(), second.stop())
        assert order == ["high begins", "high ends", "low"]

    async def test_priority_can_be_switched_off_and_on(self, bus: BusEngine) -> None:
        release, seen = asyncio.Event(), list[bytes]()
        yields = False

        async def high(_: Message, __: int) -> None:
            await release.wait()

        async def low(message: Message, _: int) -> None:
            seen.append(message.data)

        first = consumer_of(bus.driver, high)
        second = consumer_of(
            bus.driver, low, yield_to=first, yields=lambda: yields, name="second.one"
        )
        await bus.driver.publish("first", [Message(b"high")])
        first.start()
        await until(lambda: first.in_hand == 1)
        second.start()
        await bus.driver.publish("second", [Message(b"beside it")])
        await until(lambda: seen == [b"beside it"])
        yields = True
        await bus.driver.publish("second", [Message(b"after it")])
        assert len(await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)) == 1
        assert seen == [b"beside it"]
        release.set()
        await until(lambda: seen == [b"beside it", b"after it"])
        await asyncio.gather(first.stop(), second.stop())

    async def test_pause_while_waiting_for_higher_priority(self, bus: BusEngine) -> None:
        release, seen = asyncio.Event(), list[bytes]()

        async def high(_: Message, __: int) -> None:
            await release.wait()

        async def low(message: Message, _: int) -> None:
            seen.append(message.data)

        first = consumer_of(bus.driver, high)
        second = consumer_of(bus.driver, low, yield_to=first, name="second.one")
        await bus.driver.publish("first", [Message(b"high")])
        first.start()
        await until(lambda: first.in_hand == 1)
        second.start()
        await bus.driver.publish("second", [Message(b"low")])
        assert len(await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)) == 1
        second.pause()
        assert second.quiet.is_set()
        release.set()
        await until(lambda: first.in_hand == 0)
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        assert (seen, second.in_hand) == ([], 0)
        second.resume()
        await until(lambda: seen == [b"low"])
        await asyncio.gather(first.stop(), second.stop())
