"""The consumer on every engine: nothing lost, draining, pausing, priority."""

import asyncio
import time
from collections import Counter

import structlog

from services.platform.bus.port import Message
from services.platform.errors import CallAgain
from services.platform.runtime.retry_policy import RetryPolicy
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import POLICY, consumer_of, until

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
        await consumer.start()
        for start in range(0, 1000, 100):
            page = [Message(b"%d" % n) for n in range(start, start + 100)]
            await bus.driver.publish("first", page)
        await until(lambda: len(seen) == 1000)
        await consumer.stop()
        if bus.reports_backlog:
            assert await bus.driver.backlog("first.one") == 0
            assert set(seen.values()) == {1}

    async def test_a_handler_that_asks_is_called_again_when_it_says(self, bus: BusEngine) -> None:
        # Ten times as often as a message may fail, and later than a failed one would come.
        policy, times = RetryPolicy(max_attempts=1, base_s=0.001, cap_s=0.001), 10
        attempts: list[int] = []
        called: list[float] = []

        async def in_parts(_: Message, attempt: int) -> None:
            attempts.append(attempt)
            called.append(time.monotonic())
            if len(called) <= times:
                raise CallAgain("there is more to do", after_s=1.0 if len(called) == 1 else 0.0)

        consumer = consumer_of(bus.driver, in_parts, policy=policy)
        await bus.driver.publish("first", [Message(b"large")])
        with structlog.testing.capture_logs() as logged:
            await consumer.start()
            await until(lambda: len(called) == times + 1)
            await consumer.stop()
        assert attempts == [1] * (times + 1)
        # Pub/Sub looks at its clock a few times a second.
        assert called[1] - called[0] > 0.6
        assert {(each["event"], each["log_level"]) for each in logged} == {
            ("bus.call_again", "info")
        }
        assert await bus.driver.list_dead_letters("first.one", limit=1) == []

    async def test_failures_are_counted_between_calls_that_were_asked_for(
        self, bus: BusEngine
    ) -> None:
        attempts: list[int] = []

        async def handler(_: Message, attempt: int) -> None:
            attempts.append(attempt)
            if len(attempts) % 2:
                raise CallAgain("there is more to do", after_s=0.0)
            raise ValueError("cannot be done")

        consumer = consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"poison")])
        await consumer.start()
        await until(lambda: len(attempts) == 2 * POLICY.max_attempts)
        await consumer.stop()
        assert attempts == [1, 1, 2, 2, 3, 3]
        [dead] = await bus.driver.list_dead_letters("first.one", limit=1)
        assert dead.reason == "ValueError: cannot be done"

    async def test_stop_finishes_what_is_in_hand(self, bus: BusEngine) -> None:
        release, begun, ended = asyncio.Event(), [], []

        async def slow(message: Message, _: int) -> None:
            begun.append(message.data)
            await release.wait()
            ended.append(message.data)

        consumer = consumer_of(bus.driver, slow)
        await bus.driver.publish("first", [Message(b"%d" % n) for n in range(5)])
        await consumer.start()
        await until(lambda: len(begun) == 5)
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        release.set()
        await stopping
        assert (len(ended), consumer.idle.is_set()) == (5, True)
        if bus.reports_backlog:
            assert await bus.driver.backlog("first.one") == 0

    async def test_paused_receives_nothing_until_resumed(self, bus: BusEngine) -> None:
        seen: list[bytes] = []

        async def handler(message: Message, _: int) -> None:
            seen.append(message.data)

        consumer = consumer_of(bus.driver, handler)
        consumer.pause()
        await consumer.start()
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
        await first.start()
        await until(lambda: order == ["high begins"])
        await second.start()
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
        await first.start()
        await until(lambda: not first.idle.is_set())
        await second.start()
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
        await first.start()
        await until(lambda: not first.idle.is_set())
        await second.start()
        await bus.driver.publish("second", [Message(b"low")])
        assert len(await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)) == 1
        second.pause()
        assert second.quiet.is_set()
        release.set()
        await until(first.idle.is_set)
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        assert (seen, second.idle.is_set()) == ([], True)
        second.resume()
        await until(lambda: seen == [b"low"])
        await asyncio.gather(first.stop(), second.stop())
