"""The outbox and its relay, on every row engine, with crashes staged at each step."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import pytest

from services.bus import port
from services.bus.port import Message, Publisher
from services.clock import SystemClock
from services.deadlines import deadline_in, remaining_s
from services.errors import UnavailableError
from services.storage.keys import outbox_row_key
from services.storage.outbox import Outbox, OutboxEntry
from services.storage.outbox_relay import OutboxRelay
from services.storage.rows import Row, RowMutation, RowStore
from tests.contract.bus_engines import (
    BusEngine,
    bus,
    pubsub_emulator,
    valkey_cluster_url,
    valkey_server,
)
from tests.contract.bus_waits import take
from tests.contract.row_engines import OUTBOX, bigtable_emulator, store

__all__ = [
    "bigtable_emulator",
    "bus",
    "pubsub_emulator",
    "store",
    "valkey_cluster_url",
    "valkey_server",
]

DEADLINE_S = 10.0


class ClockAhead:
    """The machine's clock, an hour ahead."""

    ms = 3_600_000

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ms


class CrashingStore:
    """A store without atomic batches that dies before its `at`-th mutate call."""

    atomic_batches = False

    def __init__(self, inner: RowStore, at: int) -> None:
        self._inner = inner
        self.left = at

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        self.left -= 1
        if self.left == 0:
            raise UnavailableError("crashed")
        await self._inner.mutate(mutations)

    async def scan(self, table: str, start: bytes, end: bytes, *, limit: int) -> list[Row]:
        return await self._inner.scan(table, start, end, limit=limit)


class MemoryBus:
    """Keeps what is published; fails the first `failures` publishes of each topic."""

    def __init__(self, failures: Mapping[str, int] | None = None) -> None:
        self.published: list[tuple[str, Message]] = []
        self.calls = 0
        self._failures = dict(failures or {})

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self.calls += 1
        if self._failures.get(topic, 0) > 0:
            self._failures[topic] -= 1
            raise UnavailableError("the bus is down")
        self.published += [(topic, message) for message in messages]

    def bodies(self) -> list[bytes]:
        return sorted(message.data for _, message in self.published)


def relay_of(store: object, bus: Publisher, *, sweep_age_ms: int = 60_000) -> OutboxRelay:
    outbox = Outbox(cast("RowStore", store), SystemClock(), OUTBOX)
    return OutboxRelay(
        outbox,
        bus,
        jitter=random.Random(7),  # noqa: S311 - spreads load, guards nothing
        sweep_interval_s=0.05,
        sweep_age_ms=sweep_age_ms,
    )


def change(key: bytes, value: bytes = b"v", timestamp_ms: int = 1_000) -> RowMutation:
    return RowMutation("first", key, {b"\x00c\xff": value}, timestamp_ms=timestamp_ms)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - the condition spans two objects
            await asyncio.sleep(0.01)


async def pending(store: RowStore) -> list[int]:
    outbox = Outbox(store, SystemClock(), OUTBOX)
    return sorted(entry.id for entry in await outbox.pending(0, 10_000))


class TestOutbox:
    async def test_an_entry_comes_back_whole(self, store: RowStore) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        entry = OutboxEntry(2**63 + 5, "topic", b"\x00\xff", {"trace": "é"})
        await outbox.commit([change(b"k\x00")], entry)
        (found,) = await outbox.pending(0, 10)
        assert (found.id, found.topic, found.data) == (entry.id, entry.topic, entry.data)
        assert found.attributes == entry.attributes
        assert list(found.mutations) == ([] if store.atomic_batches else [change(b"k\x00")])
        assert (await store.read_rows("first", [b"k\x00"]))[b"k\x00"].cells == {b"\x00c\xff": b"v"}
        await outbox.settle([entry.id])
        await outbox.settle([entry.id])
        assert await outbox.pending(0, 10) == []

    async def test_pending_obeys_age_limit_and_exclusion(self, store: RowStore) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        await asyncio.gather(*(outbox.commit([], OutboxEntry(i, "t", b"")) for i in range(64)))
        assert await outbox.pending(60_000, 100) == []
        assert len(await outbox.pending(0, 10)) == 10
        held = set(range(60))
        assert {e.id for e in await outbox.pending(0, 16, exclude=held)} == {60, 61, 62, 63}
        assert await pending(store) == list(range(64))

    async def test_an_entry_dated_ahead_by_a_wrong_clock_is_sent(self, store: RowStore) -> None:
        ahead = ClockAhead()
        await Outbox(store, ahead, OUTBOX).commit([], OutboxEntry(7, "t", b"body"))
        ahead.ms = 500
        await Outbox(store, ahead, OUTBOX).commit([], OutboxEntry(8, "t", b"young"))
        outbox = Outbox(store, SystemClock(), OUTBOX)
        assert [entry.id for entry in await outbox.pending(60_000, 10)] == [7]

        bus = MemoryBus()
        relay = relay_of(store, bus)
        await relay.start()
        await eventually(lambda: bus.bodies() == [b"body"])
        await relay.stop()
        assert await pending(store) == [8]

    async def test_a_crash_after_the_outbox_row_rolls_forward(self, store: RowStore) -> None:
        crashing = Outbox(cast("RowStore", CrashingStore(store, at=2)), SystemClock(), OUTBOX)
        with pytest.raises(UnavailableError):
            await crashing.commit([change(b"a"), change(b"b")], OutboxEntry(7, "t", b"body"))
        assert await store.read_rows("first", [b"a", b"b"]) == {}
        # Written after the crash, so the replay must not undo it.
        await store.mutate([change(b"b", b"newer", 2_000)])

        bus = MemoryBus()
        relay = relay_of(store, bus, sweep_age_ms=0)
        await relay.start()
        await eventually(lambda: bus.bodies() == [b"body"])
        await relay.stop()
        rows = await store.read_rows("first", [b"a", b"b"])
        assert rows[b"a"].cells == {b"\x00c\xff": b"v"}
        assert rows[b"b"].cells == {b"\x00c\xff": b"newer"}
        assert await pending(store) == []

    async def test_a_crash_before_the_outbox_row_leaves_nothing(self, store: RowStore) -> None:
        crashing = Outbox(cast("RowStore", CrashingStore(store, at=1)), SystemClock(), OUTBOX)
        with pytest.raises(UnavailableError):
            await crashing.commit([change(b"a")], OutboxEntry(7, "t", b"body"))
        assert await pending(store) == []
        assert await store.read_rows("first", [b"a"]) == {}

    async def test_what_is_final_overwrites_whatever_is_there(self, store: RowStore) -> None:
        ahead_ms = SystemClock().now_ms() + 7_200_000
        await store.mutate(
            [change(b"a", timestamp_ms=ahead_ms), change(b"b", timestamp_ms=ahead_ms)]
        )
        last = [RowMutation("first", key, {b"\x00c\xff": b"last"}) for key in (b"a", b"b")]
        outbox = Outbox(store, SystemClock(), OUTBOX)
        await outbox.commit(last[:1], OutboxEntry(6, "t", b"", final=True))
        crashing = Outbox(cast("RowStore", CrashingStore(store, at=2)), SystemClock(), OUTBOX)
        with pytest.raises(UnavailableError):
            await crashing.commit(last[1:], OutboxEntry(7, "t", b"", final=True))
        for entry in await outbox.pending(0, 10):
            await outbox.roll_forward(entry)
        rows = await store.read_rows("first", [b"a", b"b"])
        assert [row.cells for row in rows.values()] == [{b"\x00c\xff": b"last"}] * 2

    @pytest.mark.parametrize(
        "mutation",
        [
            RowMutation("first", b"k", {b"c": b"v"}),
            RowMutation("first", b"k", deletes=[b"c"], timestamp_ms=1),
            RowMutation("first", b"k", delete_row=True, timestamp_ms=1),
        ],
    )
    async def test_what_cannot_be_replayed_is_refused(
        self, store: RowStore, mutation: RowMutation
    ) -> None:
        with pytest.raises(ValueError, match="explicit timestamps"):
            await Outbox(store, SystemClock(), OUTBOX).commit([mutation], OutboxEntry(1, "t", b""))
        assert await pending(store) == []

    async def test_a_row_that_cannot_be_read_stands_alone(self, store: RowStore) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        await asyncio.gather(
            *(outbox.commit([], OutboxEntry(i, "t", b"")) for i in range(0, 96, 2))
        )
        (good,) = (await store.read_rows(OUTBOX.name, [outbox_row_key(0)])).values()
        damages: list[dict[bytes, bytes]] = [
            {b"created_ms": b"soon"},
            {b"attributes": b"{"},
            {b"attributes": b"[" * 100_000},
            {b"attributes": b"[]"},
            {b"attributes": b'{"n": 1}'},
            {b"topic": b"\xff"},
            {b"mutations": b"[[1]]"},
            {b"mutations": b'[["t", "!", 1, []]]'},
        ]
        bad = [{**good.cells, **damage} for damage in damages]
        bad += [{k: v for k, v in good.cells.items() if k != lost} for lost in good.cells]
        # All of one shard, which has a share of each look.
        keys = [outbox_row_key(1 + 16 * place) for place in range(len(bad))]
        keys[0] = b"01#nonsense"
        await store.mutate(
            [RowMutation(OUTBOX.name, key, cells) for key, cells in zip(keys, bad, strict=True)]
        )
        await outbox.commit([], OutboxEntry(1 + 16 * 99, "t", b"behind them"))
        expected = [*range(0, 96, 2), 1 + 16 * 99]
        assert await pending(store) == expected
        found = await outbox.pending(0, 16, exclude=range(96))
        assert [entry.data for entry in found] == [b"behind them"]
        bus = MemoryBus()
        relay = relay_of(store, bus, sweep_age_ms=0)
        await relay.start()
        await eventually(lambda: len(bus.published) == len(expected))
        await relay.stop()
        assert await pending(store) == []
        assert len(await store.read_rows(OUTBOX.name, keys)) == len(bad)


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
