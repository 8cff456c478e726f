"""What fails is tried again: attempts, outages and dead letters, on every engine."""

import time

from services.platform.bus.port import BusDriver, Message
from services.platform.errors import UnavailableError
from services.platform.runtime.retry_policy import RetryPolicy
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import DEADLINE_S, POLICY, consumer_of, take, until

__all__ = ["bus", "pubsub_emulator", "valkey_cluster_url", "valkey_server"]


class TestRetries:
    async def test_a_flaky_handler_is_tried_again(self, bus: BusEngine) -> None:
        attempts: dict[bytes, list[int]] = {}

        async def flaky(message: Message, attempt: int) -> None:
            attempts.setdefault(message.data, []).append(attempt)
            if attempt < 3:
                raise ConnectionError("not yet")

        consumer = consumer_of(bus.driver, flaky)
        await bus.driver.publish("first", [Message(b"a"), Message(b"b")])
        await consumer.start()
        await until(lambda: attempts == {b"a": [1, 2, 3], b"b": [1, 2, 3]})
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

        consumer = consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"poison"), Message(b"good")])
        await consumer.start()
        await until(lambda: len(bad) == 3 and good == [b"good"])
        await consumer.stop()
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert (dead.message.data, dead.reason) == (b"poison", "ValueError: cannot read this")

    async def test_a_reason_that_cannot_be_encoded_is_escaped(self, bus: BusEngine) -> None:
        async def handler(_: Message, __: int) -> None:
            raise ValueError("\ud800" + "\N{GRINNING FACE}" * 400)

        consumer = consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"poison")])
        await consumer.start()
        await _until_dead(bus.driver)
        await consumer.stop()
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert dead.reason.startswith("ValueError: \\ud800\N{GRINNING FACE}")
        assert 400 < len(dead.reason.encode()) <= 500

    async def test_an_outage_is_waited_out_and_uses_up_no_attempt(self, bus: BusEngine) -> None:
        attempts: list[int] = []

        async def handler(_: Message, attempt: int) -> None:
            attempts.append(attempt)
            if len(attempts) <= 2 * POLICY.max_attempts:
                raise UnavailableError("the store is away", retry_after_s=0.01)
            if attempt < POLICY.max_attempts:
                raise ValueError("not an outage")

        consumer = consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"patient")])
        await consumer.start()
        await until(lambda: len(attempts) == 3 * POLICY.max_attempts)
        await consumer.stop()
        # All of the attempts were left when the outage was over.
        assert attempts == [1] * 7 + [2, 3]
        assert await bus.driver.list_dead_letters("first.one", limit=10) == []

    async def test_after_an_outage_poison_is_put_aside_at_its_last_attempt(
        self, bus: BusEngine
    ) -> None:
        attempts: list[int] = []

        async def handler(_: Message, attempt: int) -> None:
            attempts.append(attempt)
            if len(attempts) <= 4:
                raise UnavailableError("the store is away", retry_after_s=0.01)
            raise ValueError("cannot read this")

        consumer = consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"poison")])
        await consumer.start()
        await until(lambda: len(attempts) == 4 + POLICY.max_attempts)
        await consumer.stop()
        assert attempts == [1, 1, 1, 1, 1, 2, 3]
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert dead.reason == "ValueError: cannot read this"

    async def test_an_outage_waits_as_long_as_it_asks_for_up_to_the_cap(
        self, bus: BusEngine
    ) -> None:
        # Whole seconds, as Pub/Sub knows no others.
        policy = RetryPolicy(max_attempts=3, base_s=0.01, cap_s=2.0)
        tried: dict[bytes, list[float]] = {b"asks 1 s": [], b"asks 60 s": []}

        async def handler(message: Message, _: int) -> None:
            tried[message.data].append(time.monotonic())
            if len(tried[message.data]) == 1:
                asked_s = float(message.data.split()[1])
                raise UnavailableError("the store is away", retry_after_s=asked_s)

        consumer = consumer_of(bus.driver, handler, policy=policy)
        await bus.driver.publish("first", [Message(body) for body in tried])
        await consumer.start()
        await until(lambda: [len(times) for times in tried.values()] == [2, 2])
        await consumer.stop()
        waited = {body: second - first for body, (first, second) in tried.items()}
        # Pub/Sub looks at its clock a few times a second.
        assert waited[b"asks 1 s"] > 0.6
        assert waited[b"asks 60 s"] > 1.6

    async def test_a_message_whose_workers_died_is_retried_before_it_is_given_up(
        self, bus: BusEngine
    ) -> None:
        handled: list[tuple[bytes, int]] = []

        async def handler(message: Message, attempt: int) -> None:
            handled.append((message.data, attempt))

        await bus.driver.publish("first", [Message(b"unlucky")])
        await _die_with(bus.driver, POLICY.max_attempts)
        consumer = consumer_of(bus.driver, handler)
        await consumer.start()
        await until(lambda: handled == [(b"unlucky", POLICY.max_attempts + 1)])
        await consumer.stop()
        await bus.driver.publish("first", [Message(b"killer")])
        await _die_with(bus.driver, 2 * POLICY.max_attempts)
        consumer = consumer_of(bus.driver, handler)
        await consumer.start()
        await _until_dead(bus.driver)
        await consumer.stop()
        assert [body for body, _ in handled] == [b"unlucky"]
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert (dead.message.data, dead.reason) == (b"killer", "no attempt came to an end")


async def _die_with(driver: BusDriver, times: int) -> None:
    """Count an attempt that nobody ended, `times` times; waiting for visibility is slow."""
    for _ in range(times):
        [received] = await take(driver, "first.one", 1)
        await driver.delay("first.one", received, 0)


async def _until_dead(driver: BusDriver) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await driver.list_dead_letters("first.one", limit=1):
        assert time.monotonic() < deadline, "no dead letter came"
