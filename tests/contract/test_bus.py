"""The bus contract, on every engine."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from services.bus.consumer import Consumer, Handler
from services.bus.port import BusDriver, Message, Received
from services.bus.retry_policy import RetryPolicy
from services.bus.valkey_streams import ValkeyStreamsDriver
from services.errors import UnavailableError
from tests.contract.bus_engines import (
    TOPOLOGY,
    BusEngine,
    ValkeyServer,
    bus,
    pubsub_emulator,
    valkey_server,
)

__all__ = ["bus", "pubsub_emulator", "valkey_server"]

DEADLINE_S = 20.0
POLICY = RetryPolicy(max_attempts=3, base_s=0.05, cap_s=0.2)


async def _take(
    driver: BusDriver, subscription: str, count: int, deadline_s: float = DEADLINE_S
) -> list[Received]:
    """Receive until `count` came."""
    taken: list[Received] = []
    async with asyncio.timeout(deadline_s):
        while len(taken) < count:
            most = count - len(taken)
            taken += await driver.receive(subscription, max_messages=most, wait_s=1.0)
    return taken


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - some conditions are lengths, not events
            await asyncio.sleep(0.01)


def _consumer(
    driver: BusDriver,
    handler: Handler,
    *,
    yield_to: Consumer | None = None,
    name: str = "first.one",
) -> Consumer:
    return Consumer(
        driver,
        name,
        handler,
        policy=POLICY,
        concurrency=50,
        rng=random.Random(1),  # noqa: S311 - jitter, repeatable
        yield_to=yield_to,
    )


class TestBus:
    async def test_every_subscription_gets_each_message(self, bus: BusEngine) -> None:
        sent = [Message(b"%d" % n) for n in range(20)]
        await bus.driver.publish("first", sent)
        for name in ("first.one", "first.two"):
            taken = await _take(bus.driver, name, 20)
            assert {each.message.data for each in taken} == {each.data for each in sent}
            assert {each.attempt for each in taken} == {1}
        assert await bus.driver.receive("second.one", max_messages=1, wait_s=0.2) == []

    async def test_declare_again_keeps_messages(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"kept")])
        await bus.driver.declare(TOPOLOGY)
        assert (await _take(bus.driver, "first.one", 1))[0].message.data == b"kept"

    async def test_binary_bodies_and_attributes_survive(self, bus: BusEngine) -> None:
        sent = Message(bytes(range(256)), {"traceparent": "00-ab", "ключ": "значение"})
        await bus.driver.publish("first", [sent])
        [received] = await _take(bus.driver, "first.one", 1)
        assert received.message == sent
        await bus.driver.delay("first.one", received, 0)
        [again] = await _take(bus.driver, "first.one", 1)
        assert again.message == sent

    async def test_an_unknown_topic_is_refused(self, bus: BusEngine) -> None:
        with pytest.raises(ValueError, match="nowhere"):
            await bus.driver.publish("nowhere", [Message(b"lost")])

    async def test_unacked_comes_again_and_acked_does_not(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"acked"), Message(b"dropped")])
        taken = await _take(bus.driver, "first.one", 2)
        await bus.driver.ack("first.one", [r for r in taken if r.message.data == b"acked"])
        [again] = await _take(bus.driver, "first.one", 1, bus.visibility_s + DEADLINE_S)
        assert again.message.data == b"dropped"
        assert again.attempt == 2
        assert await bus.driver.receive("first.one", max_messages=9, wait_s=0.2) == []

    async def test_delay_waits_and_counts_the_attempt(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"later"), Message(b"later")])
        for each in await _take(bus.driver, "first.one", 2):
            await bus.driver.delay("first.one", each, 1.0)
        begun = time.monotonic()
        again = await _take(bus.driver, "first.one", 2)
        assert time.monotonic() - begun > 0.5
        assert [each.attempt for each in again] == [2, 2]

    async def test_dead_letters_are_listed_and_redriven_to_their_subscription_alone(
        self, bus: BusEngine
    ) -> None:
        sent = Message(b"\x00poison", {"k": "v"})
        await bus.driver.publish("first", [sent])
        await bus.driver.ack("first.two", await _take(bus.driver, "first.two", 1))
        [received] = await _take(bus.driver, "first.one", 1)
        await bus.driver.dead_letter("first.one", received, "it is bad")
        for _ in range(2):
            [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
            assert (dead.message, dead.reason) == (sent, "it is bad")
        assert await bus.driver.list_dead_letters("first.two", limit=10) == []
        assert await bus.driver.redrive("first.one", limit=10) == 1
        [again] = await _take(bus.driver, "first.one", 1)
        assert (again.message, again.attempt) == (sent, 1)
        assert await bus.driver.receive("first.two", max_messages=9, wait_s=0.5) == []
        assert await bus.driver.list_dead_letters("first.one", limit=10) == []

    async def test_backlog_counts_all_that_is_not_acked(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"%d" % n) for n in range(5)])
        if not bus.tells_backlog:
            assert await bus.driver.backlog("first.one") is None
            return
        first, second = await _take(bus.driver, "first.one", 2)
        await bus.driver.ack("first.one", [first])
        await bus.driver.delay("first.one", second, 60)
        assert await bus.driver.backlog("first.one") == 4
        assert await bus.driver.backlog("first.two") == 5


class TestConsumer:
    async def test_a_flaky_handler_is_tried_again(self, bus: BusEngine) -> None:
        attempts: dict[bytes, list[int]] = {}

        async def flaky(message: Message, attempt: int) -> None:
            attempts.setdefault(message.data, []).append(attempt)
            if attempt < 3:
                raise ConnectionError("not yet")

        consumer = _consumer(bus.driver, flaky)
        await bus.driver.publish("first", [Message(b"a"), Message(b"b")])
        consumer.start()
        await _until(lambda: attempts == {b"a": [1, 2, 3], b"b": [1, 2, 3]})
        await consumer.stop()
        assert await bus.driver.list_dead_letters("first.one", limit=10) == []

    async def test_a_poison_message_is_put_aside(self, bus: BusEngine) -> None:
        good: list[bytes] = []
        bad: list[int] = []

        async def handler(message: Message, attempt: int) -> None:
            if message.data == b"poison":
                bad.append(attempt)
                raise ValueError("cannot read this")
            good.append(message.data)

        consumer = _consumer(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"poison"), Message(b"good")])
        consumer.start()
        await _until(lambda: len(bad) == 3 and good == [b"good"])
        await consumer.stop()
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert (dead.message.data, dead.reason) == (b"poison", "ValueError: cannot read this")

    async def test_none_of_a_thousand_is_lost(self, bus: BusEngine) -> None:
        seen: Counter[bytes] = Counter()

        async def handler(message: Message, attempt: int) -> None:
            await asyncio.sleep(0)
            if attempt == 1 and message.data.endswith(b"7"):
                raise ConnectionError("not yet")
            seen[message.data] += 1

        consumer = _consumer(bus.driver, handler)
        consumer.start()
        for start in range(0, 1000, 100):
            page = [Message(b"%d" % n) for n in range(start, start + 100)]
            await bus.driver.publish("first", page)
        await _until(lambda: len(seen) == 1000)
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

        consumer = _consumer(bus.driver, slow)
        await bus.driver.publish("first", [Message(b"%d" % n) for n in range(5)])
        consumer.start()
        await _until(lambda: len(begun) == 5)
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

        consumer = _consumer(bus.driver, handler)
        consumer.pause()
        consumer.start()
        await bus.driver.publish("first", [Message(b"waits")])
        assert len(await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)) == 1
        assert seen == []
        consumer.resume()
        await _until(lambda: seen == [b"waits"])
        await consumer.stop()

    async def test_lower_priority_waits_for_higher(self, bus: BusEngine) -> None:
        release, order = asyncio.Event(), []

        async def high(_: Message, __: int) -> None:
            order.append("high begins")
            await release.wait()
            order.append("high ends")

        async def low(_: Message, __: int) -> None:
            order.append("low")

        first = _consumer(bus.driver, high)
        second = _consumer(bus.driver, low, yield_to=first, name="second.one")
        await bus.driver.publish("first", [Message(b"high")])
        first.start()
        await _until(lambda: order == ["high begins"])
        second.start()
        await bus.driver.publish("second", [Message(b"low")])
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        release.set()
        await _until(lambda: len(order) == 3)
        await asyncio.gather(first.stop(), second.stop())
        assert order == ["high begins", "high ends", "low"]


class TestValkeyRestart:
    async def test_a_killed_server_loses_nothing_and_the_consumer_recovers(
        self, valkey_server: ValkeyServer
    ) -> None:
        driver = ValkeyStreamsDriver(valkey_server.url, TOPOLOGY, visibility_s=1.0)
        await driver.declare(TOPOLOGY)
        seen: dict[bytes, int] = {}

        async def handler(message: Message, attempt: int) -> None:
            seen[message.data] = attempt

        consumer = _consumer(driver, handler, name="second.one")
        consumer.pause()
        consumer.start()
        try:
            await driver.publish("second", [Message(b"tried")])
            [tried] = await _take(driver, "second.one", 1)
            await driver.delay("second.one", tried, 0.1)
            await driver.publish("second", [Message(b"%d" % n) for n in range(199)])
            valkey_server.kill()
            consumer.resume()
            with pytest.raises(UnavailableError):
                await driver.publish("second", [Message(b"refused")])
            await asyncio.to_thread(valkey_server.start)
            await _until(lambda: len(seen) == 200)
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
        waiting = asyncio.create_task(_take(driver, "second.one", 1))
        await asyncio.sleep(0)
        await driver._client.flushall()
        await driver.publish("second", [Message(b"after")])
        assert [each.message.data for each in await waiting] == [b"after"]
        await driver.close()
