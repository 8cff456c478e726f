"""The consumer of batches on every engine: one call for many, and what is faulty found."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from services.platform.bus.batch_consumer import DIVIDING_MAX_S, BatchHandler
from services.platform.bus.port import BusDriver, Message, Received
from services.platform.errors import CallAgain, UnavailableError
from services.platform.runtime.retry_policy import RetryPolicy
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import POLICY, batch_consumer_of, until

__all__ = ["bus", "pubsub_emulator", "valkey_cluster_url", "valkey_server"]

Bodies = Sequence[bytes]


class Recorded:
    """A handler that keeps each batch it was given, and then does as it is told."""

    def __init__(self, then: Callable[[Bodies], Awaitable[None]]) -> None:
        self.batches: list[list[bytes]] = []
        self.attempts: dict[bytes, list[int]] = {}
        self._then = then

    async def __call__(self, batch: Sequence[Received]) -> None:
        bodies = [each.message.data for each in batch]
        self.batches.append(bodies)
        for each in batch:
            self.attempts.setdefault(each.message.data, []).append(each.attempt)
        await self._then(bodies)


async def _nothing(_: Bodies) -> None:
    pass


async def _publish(driver: BusDriver, count: int, topic: str = "first") -> list[bytes]:
    bodies = [b"%d" % n for n in range(count)]
    await driver.publish(topic, [Message(body) for body in bodies])
    return bodies


class HeldAck:
    """The real bus, whose acks are counted, and held back while that is wanted."""

    def __init__(self, driver: BusDriver) -> None:
        self._driver = driver
        self.acked: list[int] = []
        self.lost = False
        self.receive, self.delay = driver.receive, driver.delay
        self.dead_letter = driver.dead_letter

    async def ack(self, subscription: str, received: Sequence[Received]) -> None:
        self.acked.append(len(received))
        if not self.lost:
            await self._driver.ack(subscription, received)


class TestBatchConsumer:
    async def test_what_came_meanwhile_is_one_call_and_one_ack(self, bus: BusEngine) -> None:
        release = asyncio.Event()

        async def first_waits(bodies: Bodies) -> None:
            if b"early" in bodies:
                await release.wait()

        handler, driver = Recorded(first_waits), HeldAck(bus.driver)
        consumer = batch_consumer_of(driver, handler)  # type: ignore[arg-type]
        await bus.driver.publish("first", [Message(b"early")])
        await consumer.start()
        await until(lambda: handler.batches == [[b"early"]])
        bodies = await _publish(bus.driver, 60)
        release.set()
        await until(lambda: sum(map(len, handler.batches)) == 61)
        await consumer.stop()
        assert Counter(body for batch in handler.batches[1:] for body in batch) == Counter(bodies)
        # Pub/Sub may give what waits in a few pulls.
        assert len(handler.batches) == 2 or not bus.reports_backlog
        assert driver.acked == [len(batch) for batch in handler.batches]
        if bus.reports_backlog:
            assert await bus.driver.backlog("first.one") == 0

    async def test_none_of_a_thousand_is_lost(self, bus: BusEngine) -> None:
        failed: set[bytes] = set()

        async def each_seventh_fails_once(bodies: Bodies) -> None:
            await asyncio.sleep(0)
            if faulty := {body for body in bodies if body.endswith(b"7")} - failed:
                if len(bodies) == 1:
                    failed.update(faulty)
                raise ConnectionError("not yet")

        handler = Recorded(each_seventh_fails_once)
        consumer = batch_consumer_of(bus.driver, handler)
        await consumer.start()
        bodies = await _publish(bus.driver, 1_000)
        await until(lambda: len(failed) == 100 and handler.attempts.keys() == set(bodies))
        if bus.reports_backlog:
            async with asyncio.timeout(20):
                while await bus.driver.backlog("first.one"):  # noqa: ASYNC110 - the bus says it
                    await asyncio.sleep(0.05)
        await consumer.stop()
        assert await bus.driver.list_dead_letters("first.one", limit=1) == []

    async def test_only_the_faulty_one_of_a_batch_counts_an_attempt(self, bus: BusEngine) -> None:
        async def poisoned(bodies: Bodies) -> None:
            if b"13" in bodies:
                raise ValueError("cannot read this")

        handler = Recorded(poisoned)
        consumer = batch_consumer_of(bus.driver, handler)
        bodies = await _publish(bus.driver, 32)
        await consumer.start()
        await until(lambda: handler.attempts.get(b"13", [])[-1:] == [POLICY.max_attempts])
        await consumer.stop()
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert (dead.message.data, dead.reason) == (b"13", "ValueError: cannot read this")
        assert {body: set(handler.attempts[body]) for body in bodies} == {
            body: {1, 2, 3} if body == b"13" else {1} for body in bodies
        }
        # Each call halves what is left to look at: whoever went with it is handled a few times.
        assert len(handler.batches) < 2 * len(bodies)
        if bus.reports_backlog:
            assert await bus.driver.backlog("first.one") == 0

    async def test_an_outage_puts_all_back_and_uses_up_no_attempt(self, bus: BusEngine) -> None:
        calls = 0

        async def away(_: Bodies) -> None:
            nonlocal calls
            calls += 1
            if calls <= 2 * POLICY.max_attempts:
                raise UnavailableError("the store is away", retry_after_s=0.01)

        handler = Recorded(away)
        consumer = batch_consumer_of(bus.driver, handler)
        bodies = await _publish(bus.driver, 20)
        await consumer.start()
        ended = Counter[bytes]()

        def all_handled() -> bool:
            ended.clear()
            ended.update(body for batch in handler.batches[6:] for body in batch)
            return ended.keys() == set(bodies)

        await until(all_handled)
        await consumer.stop()
        assert {attempt for each in handler.attempts.values() for attempt in each} == {1}
        assert await bus.driver.list_dead_letters("first.one", limit=10) == []

    async def test_what_is_taken_for_an_outage_holds_up_nothing_new(self, bus: BusEngine) -> None:
        async def one_has_the_store_hang(bodies: Bodies) -> None:
            if b"heavy" in bodies:
                raise UnavailableError("no answer in time", retry_after_s=0.01)

        handler = Recorded(one_has_the_store_hang)
        consumer = batch_consumer_of(bus.driver, handler)
        await bus.driver.publish("first", [Message(b"heavy")])
        await consumer.start()
        await until(lambda: len(handler.batches) >= 2)
        bodies = await _publish(bus.driver, 20)
        await until(
            lambda: (
                set(bodies)
                <= {body for batch in handler.batches if b"heavy" not in batch for body in batch}
            )
        )
        await consumer.stop()

    async def test_one_that_asks_is_called_again_and_the_others_are_not(
        self, bus: BusEngine
    ) -> None:
        asked = 0

        async def in_parts(bodies: Bodies) -> None:
            nonlocal asked
            if b"3" in bodies and asked < 4:
                asked += len(bodies) == 1
                raise CallAgain("there is more to do", after_s=0.0)

        handler = Recorded(in_parts)
        consumer = batch_consumer_of(
            bus.driver, handler, policy=RetryPolicy(max_attempts=1, base_s=0.001, cap_s=0.001)
        )
        await _publish(bus.driver, 8)
        await consumer.start()
        await until(lambda: asked == 4 and handler.batches[-1] == [b"3"])
        await consumer.stop()
        assert set(handler.attempts[b"3"]) == {1}
        assert await bus.driver.list_dead_letters("first.one", limit=1) == []

    async def test_a_batch_is_divided_for_a_bounded_time(self, bus: BusEngine) -> None:
        """What is left then comes again, as if nothing had happened."""
        now_s = 0.0

        async def slow_and_faulty(bodies: Bodies) -> None:
            nonlocal now_s
            now_s += DIVIDING_MAX_S / 2
            if b"5" in bodies:
                raise ValueError("cannot read this")

        handler = Recorded(slow_and_faulty)
        consumer = batch_consumer_of(bus.driver, handler, monotonic=lambda: now_s)
        bodies = await _publish(bus.driver, 8)
        await consumer.start()
        await until(lambda: handler.attempts.get(b"5", [])[-1:] == [POLICY.max_attempts])
        await until(lambda: handler.attempts.keys() == set(bodies))
        await consumer.stop()
        assert all(set(handler.attempts[body]) == {1} for body in bodies if body != b"5")

    async def test_a_crash_before_the_ack_has_the_batch_come_again(self, bus: BusEngine) -> None:
        crashed, handler = HeldAck(bus.driver), Recorded(_nothing)
        crashed.lost = True
        consumer = batch_consumer_of(crashed, handler)  # type: ignore[arg-type]
        bodies = await _publish(bus.driver, 5)
        await consumer.start()
        await until(lambda: handler.attempts.keys() == set(bodies))
        await consumer.stop()
        after = Recorded(_nothing)
        consumer = batch_consumer_of(bus.driver, after)
        await consumer.start()
        await until(lambda: after.attempts.keys() == set(bodies))
        await consumer.stop()

    async def test_stop_finishes_what_is_in_hand(self, bus: BusEngine) -> None:
        release = asyncio.Event()

        async def slow(_: Bodies) -> None:
            await release.wait()

        handler = Recorded(slow)
        consumer = batch_consumer_of(bus.driver, handler)
        await _publish(bus.driver, 1)
        await consumer.start()
        await until(lambda: handler.batches == [[b"0"]])
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        release.set()
        await stopping
        assert consumer.idle.is_set()
        if bus.reports_backlog:
            assert await bus.driver.backlog("first.one") == 0

    async def test_lower_priority_waits_for_higher_and_a_pause_holds(self, bus: BusEngine) -> None:
        release, order = asyncio.Event(), list[str]()

        async def high(_: Bodies) -> None:
            order.append("high begins")
            await release.wait()
            order.append("high ends")

        async def low(_: Bodies) -> None:
            order.append("low")

        first = batch_consumer_of(bus.driver, _handler(high))
        second = batch_consumer_of(bus.driver, _handler(low), yield_to=first, name="second.one")
        await _publish(bus.driver, 1)
        await first.start()
        await until(lambda: order == ["high begins"])
        await second.start()
        await _publish(bus.driver, 1, "second")
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        second.pause()
        release.set()
        await until(first.idle.is_set)
        await bus.driver.receive("first.two", max_messages=1, wait_s=1.0)
        assert order == ["high begins", "high ends"]
        second.resume()
        await until(lambda: len(order) == 3)
        await asyncio.gather(first.stop(), second.stop())
        assert order[-1] == "low"


def _handler(handle: Callable[[Bodies], Awaitable[None]]) -> BatchHandler:
    async def handler(batch: Sequence[Received]) -> None:
        await handle([each.message.data for each in batch])

    return handler
