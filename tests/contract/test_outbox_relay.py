"""The relay of an outbox, on every row engine: what is committed is published, whatever fails."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from services.platform.bus import port
from services.platform.bus.port import Message
from services.platform.outbox import relay as relay_module
from services.platform.outbox import settling
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.rows.port import Row, RowMutation, RowStore, Scan
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.deadlines import deadline_in, remaining_s
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import take
from tests.contract.outbox_world import (
    DEADLINE_S,
    CrashingStore,
    MemoryBus,
    change,
    eventually,
    pending,
    relay_of,
)
from tests.contract.row_engines import OUTBOX, bigtable_emulator, store

__all__ = [
    "bigtable_emulator",
    "bus",
    "pubsub_emulator",
    "store",
    "valkey_cluster_url",
    "valkey_server",
]


class CountingOutbox(Outbox):
    """Notes what is settled by each call."""

    settles: list[list[int]]

    async def settle(self, ids: Sequence[int]) -> None:
        self.settles = [*getattr(self, "settles", []), list(ids)]
        await super().settle(ids)


class SlowReads:
    """A store whose pages arrive when `go` is set."""

    def __init__(self, inner: RowStore) -> None:
        self._inner = inner
        self.atomic_batches = inner.atomic_batches
        self.mutate = inner.mutate
        self.scan = inner.scan
        self.has_read, self.go = asyncio.Event(), asyncio.Event()

    async def scan_many(self, scans: Sequence[Scan]) -> list[list[Row]]:
        pages = await self._inner.scan_many(scans)
        self.has_read.set()
        await self.go.wait()
        return pages


class TestOutboxRelay:
    async def test_an_entry_that_is_refused_holds_up_no_other(
        self, store: RowStore, bus: BusEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Bigtable's emulator does not read rows of as much as the bus takes.
        monkeypatch.setattr(port, "MESSAGE_MAX_BYTES", 100_000)
        huge = b"\0" * 100_001
        relay = relay_of(store, bus.driver, sweep_age_ms=0)
        bodies = [b"%d" % number for number in range(8)]
        for number, body in enumerate([*bodies[:4], huge, *bodies[4:]]):
            await relay.commit([change(b"k%d" % number)], OutboxEntry(number, "first", body))
        await relay.commit([], OutboxEntry(9, "nowhere", b"no topic has this name"))
        await relay.start()
        taken = await take(bus.driver, "first.one", len(bodies))
        assert {each.message.data for each in taken} == set(bodies)
        await relay.commit([], OutboxEntry(10, "first", b"after it"))
        assert (await take(bus.driver, "first.one", 1))[0].message.data == b"after it"
        await relay.stop()
        # Kept, for whoever comes next.
        assert await pending(store) == [4, 9]

    async def test_a_replay_that_fails_by_itself_holds_up_no_other(self, store: RowStore) -> None:
        crashing = Outbox(cast("RowStore", CrashingStore(store, at=100)), SystemClock(), OUTBOX)
        stray = RowMutation("no such table", b"k", {b"c": b"v"}, timestamp_ms=1)
        with pytest.raises(Exception):  # noqa: B017, PT011 - each engine has its own
            await crashing.commit([stray], OutboxEntry(0, "t", b"stray"))
        for number in (16, 32):
            await crashing.commit([change(b"k")], OutboxEntry(number, "t", b"%d" % number))
        bus = MemoryBus()
        relay = relay_of(store, bus, sweep_age_ms=0)
        await relay.start()
        await eventually(lambda: bus.bodies() == [b"16", b"32"])
        await relay.stop()
        assert await pending(store) == [0]

    async def test_publishes_in_batches_and_settles(self, store: RowStore) -> None:
        bus = MemoryBus()
        relay = relay_of(store, bus)
        entries = [OutboxEntry(i, f"t{i % 2}", f"{i:03}".encode(), {"n": "1"}) for i in range(200)]
        await asyncio.gather(*(relay.commit([change(e.data)], e) for e in entries))
        await relay.start()
        await relay.stop()
        assert bus.bodies() == [entry.data for entry in entries]
        assert {topic for topic, _ in bus.published} == {"t0", "t1"}
        assert bus.calls == 2
        assert await pending(store) == []

    async def test_what_is_committed_between_publishes_goes_out_together(
        self, store: RowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay_module, "PUBLISH_EVERY_S", 3_600.0)
        bus = MemoryBus()
        relay = relay_of(store, bus)
        await relay.start()
        await relay.commit([], OutboxEntry(1, "t", b"1"))
        # The first is not held back.
        await eventually(lambda: bus.bodies() == [b"1"])
        for number in range(2, 6):
            await relay.commit([], OutboxEntry(number, "t", b"%d" % number))
        await relay.commit([], OutboxEntry(6, "another topic", b"6"))
        await eventually(lambda: bus.bodies() == [b"1", b"6"])
        # A stop holds nothing back either.
        await relay.stop()
        assert bus.bodies() == [b"1", b"2", b"3", b"4", b"5", b"6"]
        assert bus.calls == 3
        assert await pending(store) == []

    async def test_what_was_published_is_settled_later_and_together(
        self, store: RowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settling, "SETTLE_AFTER_S", 3_600.0)
        clock = SystemClock()
        bus, settled = MemoryBus(), CountingOutbox(store, clock, OUTBOX)
        sweeps = Sweeps(settled, store, clock, "one")
        relay = OutboxRelay(settled, bus, sweeps, sweep_interval_s=0.01, sweep_age_ms=0)
        await relay.start()
        for number in range(3):
            await relay.commit([], OutboxEntry(number, "t", b"%d" % number))
            await eventually(lambda many=number + 1: len(bus.published) == many)
        # Not even the sweeper takes up what waits to be settled.
        assert await relay.sweep() == 0
        assert await pending(store) == [0, 1, 2]
        await relay.stop()
        assert await pending(store) == []
        assert settled.settles == [[0, 1, 2]]
        assert len(bus.published) == 3

    async def test_what_is_settled_while_a_sweep_reads_is_not_published_again(
        self, store: RowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settling, "SETTLE_AFTER_S", 0.0)
        bus, slow = MemoryBus(), SlowReads(store)
        relay = relay_of(slow, bus, sweep_age_ms=0)
        await relay.commit([], OutboxEntry(1, "t", b"1"))
        sweep = asyncio.create_task(relay.sweep())
        await slow.has_read.wait()
        await relay.start()
        await eventually(lambda: not relay._held)
        assert await pending(store) == []
        slow.go.set()
        assert await sweep == 0
        await relay.stop()
        assert bus.bodies() == [b"1"]

    async def test_a_failing_topic_is_retried_and_holds_up_no_other(self, store: RowStore) -> None:
        bus = MemoryBus({"slow": 3})
        relay = relay_of(store, bus)
        await relay.start()
        await relay.commit([], OutboxEntry(1, "slow", b"slow"))
        await relay.commit([], OutboxEntry(2, "fast", b"fast"))
        await eventually(lambda: bus.bodies() == [b"fast", b"slow"])
        await relay.stop()
        assert [topic for topic, _ in bus.published] == ["fast", "slow"]
        assert await pending(store) == []

    async def test_a_lane_does_not_die_with_the_call_that_opened_it(self, store: RowStore) -> None:
        left: list[float | None] = []

        class Bus(MemoryBus):
            async def publish(self, topic: str, messages: Sequence[Message]) -> None:
                left.append(remaining_s())
                await super().publish(topic, messages)

        bus = Bus()
        relay = relay_of(store, bus)
        await relay.start()
        with deadline_in(DEADLINE_S):
            await relay.commit([], OutboxEntry(1, "t", b"in a call"))
        await eventually(lambda: bus.bodies() == [b"in a call"])
        await relay.stop()
        assert left == [None]
        assert await pending(store) == []

    async def test_what_cannot_be_drained_is_swept_up_by_another(self, store: RowStore) -> None:
        down = relay_of(store, MemoryBus({"t": 1_000}))
        await down.start()
        await down.commit([change(b"k")], OutboxEntry(1, "t", b"body"))
        await down.stop(drain_timeout_s=0.05)
        assert await pending(store) == [1]

        bus = MemoryBus()
        other = relay_of(store, bus, sweep_age_ms=0)
        await other.start()
        await eventually(lambda: bus.bodies() == [b"body"])
        await other.stop()
        assert await pending(store) == []

    async def test_the_sweeper_leaves_entries_in_memory_alone(self, store: RowStore) -> None:
        bus = MemoryBus()
        relay = relay_of(store, bus, sweep_age_ms=0)
        await relay.commit([], OutboxEntry(1, "t", b"body"))
        assert await relay.sweep() == 0
        await relay.start()
        await relay.stop()
        assert bus.bodies() == [b"body"]

    async def test_a_settle_that_fails_is_repeated(self, store: RowStore) -> None:
        bus = MemoryBus()
        # Calls: outbox row, mutations, settle.
        relay = relay_of(CrashingStore(store, at=3), bus)
        await relay.start()
        await relay.commit([change(b"k")], OutboxEntry(1, "t", b"body"))
        await relay.stop()
        assert bus.bodies() == [b"body"]
        assert await pending(store) == []
        assert await store.scan(OUTBOX.name, b"0", b"z", limit=1) == []
