"""The bus contract, on every engine."""

import asyncio
import time
from dataclasses import replace

import pytest

from services.platform.bus.port import MESSAGE_MAX_BYTES, Message, PutBack, RefusedError
from tests.contract.bus_engines import (
    TOPOLOGY,
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import DEADLINE_S, take

__all__ = ["bus", "pubsub_emulator", "valkey_cluster_url", "valkey_server"]


class TestBus:
    async def test_every_subscription_gets_each_message(self, bus: BusEngine) -> None:
        sent = [Message(b"%d" % n) for n in range(20)]
        await bus.driver.publish("first", sent)
        for name in ("first.one", "first.two"):
            taken = await take(bus.driver, name, 20)
            assert {each.message.data for each in taken} == {each.data for each in sent}
            assert {each.attempt for each in taken} == {1}
        assert await bus.driver.receive("second.one", max_messages=1, wait_s=0.2) == []

    async def test_declare_again_keeps_messages(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"kept")])
        await bus.driver.declare(TOPOLOGY)
        assert (await take(bus.driver, "first.one", 1))[0].message.data == b"kept"

    async def test_binary_bodies_and_attributes_survive(self, bus: BusEngine) -> None:
        sent = Message(bytes(range(256)), {"traceparent": "00-ab", "ключ": "значение"})
        await bus.driver.publish("first", [sent])
        [received] = await take(bus.driver, "first.one", 1)
        assert received.message == sent
        await bus.driver.delay("first.one", received, 0)
        [again] = await take(bus.driver, "first.one", 1)
        assert again.message == sent

    async def test_an_unknown_topic_is_refused(self, bus: BusEngine) -> None:
        with pytest.raises(ValueError, match="nowhere"):
            await bus.driver.publish("nowhere", [Message(b"lost")])

    async def test_the_largest_message_passes_and_a_larger_one_is_refused(
        self, bus: BusEngine
    ) -> None:
        text = {"k": "\u00e9" * 100}
        largest = Message(bytes(MESSAGE_MAX_BYTES - 201), text)
        await bus.driver.publish("first", [largest])
        with pytest.raises(RefusedError, match="more than 9000000"):
            await bus.driver.publish(
                "first", [Message(b"."), replace(largest, data=bytes(9_000_000))]
            )
        [received] = await take(bus.driver, "first.one", 1)
        assert received.message == largest
        await bus.driver.dead_letter("first.one", received, "." * 500)
        [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
        assert dead.message == largest
        assert await bus.driver.redrive("first.one", limit=10) == 1
        [again] = await take(bus.driver, "first.one", 1)
        assert again.message == largest

    async def test_unacked_comes_again_and_acked_does_not(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"acked"), Message(b"dropped")])
        taken = await take(bus.driver, "first.one", 2)
        await bus.driver.ack("first.one", [r for r in taken if r.message.data == b"acked"])
        [again] = await take(bus.driver, "first.one", 1, bus.visibility_s + DEADLINE_S)
        assert again.message.data == b"dropped"
        assert again.attempt == 2
        assert await bus.driver.receive("first.one", max_messages=9, wait_s=0.2) == []

    async def test_delay_waits_and_counts_the_attempt(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"later"), Message(b"later")])
        for each in await take(bus.driver, "first.one", 2):
            await bus.driver.delay("first.one", each, 1.0)
        begun = time.monotonic()
        again = await take(bus.driver, "first.one", 2)
        assert time.monotonic() - begun > 0.5
        assert [each.attempt for each in again] == [2, 2]

    async def test_delay_counts_as_what_it_is_for(self, bus: BusEngine) -> None:
        before_ms = time.time() * 1_000
        await bus.driver.publish("first", [Message(b"later")])
        seen = []
        for why in (PutBack.OUTAGE, PutBack.ASKED, PutBack.OUTAGE, PutBack.FAILED, PutBack.ASKED):
            [received] = await take(bus.driver, "first.one", 1)
            seen.append(received)
            await bus.driver.delay("first.one", received, 0, why)
        [last] = await take(bus.driver, "first.one", 1)
        assert [(each.attempt, each.outages) for each in [*seen, last]] == [
            (1, 0),
            (1, 1),
            (1, 1),
            (1, 2),
            (2, 2),
            (2, 2),
        ]
        # When it was published is not forgotten on the way.
        published_ms = {each.published_ms for each in [*seen, last]}
        assert len(published_ms) == 1
        assert before_ms - 1_000 < published_ms.pop() < before_ms + 60_000

    async def test_dead_letters_are_listed_and_redriven_to_their_subscription_alone(
        self, bus: BusEngine
    ) -> None:
        sent = Message(b"\x00poison", {"k": "v"})
        await bus.driver.publish("first", [sent])
        await bus.driver.ack("first.two", await take(bus.driver, "first.two", 1))
        [received] = await take(bus.driver, "first.one", 1)
        await bus.driver.dead_letter("first.one", received, "it is bad")
        for _ in range(2):
            [dead] = await bus.driver.list_dead_letters("first.one", limit=10)
            assert (dead.message, dead.reason) == (sent, "it is bad")
        assert await bus.driver.list_dead_letters("first.two", limit=10) == []
        counted = {each: await bus.driver.dead_letters(each) for each in ("first.one", "first.two")}
        assert counted == (
            {"first.one": 1, "first.two": 0} if bus.reports_backlog else dict.fromkeys(counted)
        )
        assert await bus.driver.redrive("first.one", limit=10) == 1
        [again] = await take(bus.driver, "first.one", 1)
        assert (again.message, again.attempt) == (sent, 1)
        assert await bus.driver.receive("first.two", max_messages=9, wait_s=0.5) == []
        assert await bus.driver.list_dead_letters("first.one", limit=10) == []
        assert not await bus.driver.dead_letters("first.one")

    async def test_dead_letters_are_dropped_by_their_ids(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"%d" % number) for number in range(3)])
        for received in await take(bus.driver, "first.one", 3):
            await bus.driver.dead_letter("first.one", received, "it is bad")
        letters = await bus.driver.list_dead_letters("first.one", limit=10)
        ids = {each.message.data: each.id for each in letters}
        wanted = [ids[b"0"], ids[b"2"], "nobody", "0-0", "\N{GRINNING FACE}"]
        assert await bus.driver.drop_dead_letters("first.one", wanted) == 2
        assert await bus.driver.drop_dead_letters("first.one", wanted) == 0
        left = await bus.driver.list_dead_letters("first.one", limit=10)
        assert [each.message.data for each in left] == [b"1"]
        assert await bus.driver.backlog("first.one") in {0, None}

    async def test_no_cancellation_is_lost(self, bus: BusEngine) -> None:
        async def poll() -> None:
            while True:
                await bus.driver.backlog("first.one")
                await bus.driver.dead_letters("first.one")
                await asyncio.sleep(0)

        for turns in range(100):
            polling = asyncio.create_task(poll())
            for _ in range(turns % 25):
                await asyncio.sleep(0)
            polling.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(polling, return_exceptions=True)
            assert polling.cancelled()

    async def test_backlog_counts_all_that_is_not_acked(self, bus: BusEngine) -> None:
        await bus.driver.publish("first", [Message(b"%d" % n) for n in range(5)])
        if not bus.reports_backlog:
            assert await bus.driver.backlog("first.one") is None
            return
        first, second = await take(bus.driver, "first.one", 2)
        await bus.driver.ack("first.one", [first])
        await bus.driver.delay("first.one", second, 60)
        assert await bus.driver.backlog("first.one") == 4
        assert await bus.driver.backlog("first.two") == 5
