"""Processes that share an outbox: what is left behind is published once, however many sweep."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from services.platform.bus.port import Message, Publisher
from services.platform.errors import UnavailableError
from services.platform.outbox.keys import SWEEPS_KEY
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.outbox.relay import SWEEP_AGE_MS, OutboxRelay
from services.platform.outbox.sweeps import TERM_MS, Sweeps
from services.platform.rows.port import RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from tests.contract.outbox_world import MemoryBus, change, eventually, pending
from tests.contract.row_engines import OUTBOX, bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

NEVER_S = 3_600.0
LONGEST_PAUSE_MS = 4_500
"""Between two sweeps, by their jitter."""


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = SystemClock().now_ms()

    def now_ms(self) -> int:
        return self.ms


class Outage:
    """A bus that takes nothing until it is over; all processes see it end at once."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.published: list[bytes] = []
        self.asked = 0

    async def publish(self, _topic: str, messages: Sequence[Message]) -> None:
        self.asked += 1
        await self.over.wait()
        self.published += [message.data for message in messages]


def process(
    rows: RowStore, bus: Publisher, clock: HandClock, name: str, *, sweep_age_ms: int = 0
) -> tuple[OutboxRelay, Sweeps]:
    """One that sweeps when the test says so."""
    outbox = Outbox(rows, clock, OUTBOX)
    sweeps = Sweeps(outbox, rows, clock, name)
    relay = OutboxRelay(
        outbox,
        bus,
        sweeps,
        jitter=random.Random(7),  # noqa: S311 - spreads load, guards nothing
        sweep_interval_s=NEVER_S,
        sweep_age_ms=sweep_age_ms,
    )
    return relay, sweeps


async def left_behind(rows: RowStore, clock: HandClock, *ids: int) -> None:
    """As a process that died leaves them."""
    outbox = Outbox(rows, clock, OUTBOX)
    for number in ids:
        await outbox.commit([change(b"k")], OutboxEntry(number, "t", b"%d" % number))


async def test_of_two_that_sweep_at_once_one_takes_what_was_left_behind(store: RowStore) -> None:
    clock, bus = HandClock(), MemoryBus()
    await left_behind(store, clock, *range(40))
    relays = [process(store, bus, clock, name)[0] for name in ("one", "other", "third")]
    taken = await asyncio.gather(*(relay.sweep() for relay in relays))
    assert sorted(taken) == [0, 0, 40]
    for relay in relays:
        await relay.start()
        await relay.stop()
    assert len(bus.published) == 40
    assert await pending(store) == []


async def test_what_a_process_has_in_hand_during_an_outage_no_other_publishes(
    store: RowStore,
) -> None:
    clock, bus = HandClock(), Outage()
    (one, _), (other, _) = (
        process(store, bus, clock, name, sweep_age_ms=SWEEP_AGE_MS) for name in ("one", "other")
    )
    for relay, first in ((one, 0), (other, 100)):
        await relay.start()
        for number in range(first, first + 30):
            await relay.commit([], OutboxEntry(number, "t", b"%d" % number))
    await eventually(lambda: bus.asked == 2)
    for _ in range(4):
        # Each says what it has, and finds nothing else.
        assert [await one.sweep(), await other.sweep()] == [0, 0]
        clock.ms += LONGEST_PAUSE_MS
    bus.over.set()
    await asyncio.gather(one.stop(), other.stop())
    assert sorted(bus.published) == sorted(b"%d" % n for n in (*range(30), *range(100, 130)))
    assert await pending(store) == []


async def test_what_another_has_hides_nothing_that_was_left_behind(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.platform.outbox.relay.BATCH_MAX_MESSAGES", 16)
    clock, outage, bus = HandClock(), Outage(), MemoryBus()
    busy, _ = process(store, outage, clock, "busy")
    await busy.start()
    for number in range(64):
        await busy.commit([], OutboxEntry(number, "t", b"%d" % number))
    await busy.sweep()
    await left_behind(store, clock, 1_000)
    other, _ = process(store, bus, clock, "other")
    assert await other.sweep() == 1
    await other.start()
    await other.stop()
    assert bus.bodies() == [b"1000"]
    outage.over.set()
    await busy.stop()


async def test_another_goes_on_when_the_one_whose_turn_it_was_is_gone(store: RowStore) -> None:
    clock, bus = HandClock(), MemoryBus()
    await left_behind(store, clock, 1, 2)
    gone, _ = process(store, Outage(), clock, "gone")
    other, _ = process(store, bus, clock, "other")
    assert await gone.sweep() == 2
    # It says what it has in hand, and is then killed.
    await gone.sweep()
    assert await other.sweep() == 0
    clock.ms += TERM_MS + 1
    assert await other.sweep() == 2
    await other.start()
    await other.stop()
    assert bus.bodies() == [b"1", b"2"]
    row = (await store.read_rows(OUTBOX.name, [SWEEPS_KEY])).get(SWEEPS_KEY)
    assert row is None


async def test_one_that_ends_in_order_leaves_all_to_others_at_once(store: RowStore) -> None:
    clock, bus = HandClock(), MemoryBus()
    ending, _ = process(store, MemoryBus({"t": 1_000}), clock, "ending")
    await ending.start()
    await left_behind(store, clock, 1)
    assert await ending.sweep() == 1
    await ending.commit([], OutboxEntry(2, "t", b"2"))
    await ending.sweep()
    await ending.stop(drain_timeout_s=0.05)
    other, _ = process(store, bus, clock, "other")
    assert await other.sweep() == 2


@pytest.mark.parametrize(
    "said",
    [
        {b"sweeper": b"\xff\xfe"},
        {b"sweeper": b"99999999999999 somebody whose clock is wrong"},
        {b"held#damaged": b"123"},
        {b"held#empty": b""},
        {b"held#wrong": b"\x7f" * 16},
        {b"newer": b"what a newer version says"},
    ],
)
async def test_what_is_damaged_or_of_a_wrong_clock_holds_nothing_back(
    store: RowStore, said: dict[bytes, bytes]
) -> None:
    clock, bus = HandClock(), MemoryBus()
    await store.mutate([RowMutation(OUTBOX.name, SWEEPS_KEY, said)])
    await left_behind(store, clock, 1)
    relay, _ = process(store, bus, clock, "one")
    assert await relay.sweep() == 1


async def test_nothing_is_written_where_there_is_nothing(store: RowStore) -> None:
    clock = HandClock()
    relay, _ = process(store, MemoryBus(), clock, "one")
    for _ in range(3):
        assert await relay.sweep() == 0
    assert await store.read_rows(OUTBOX.name, [SWEEPS_KEY]) == {}


async def test_a_store_that_is_gone_fails_the_sweep_and_takes_nothing(store: RowStore) -> None:
    clock = HandClock()
    await left_behind(store, clock, 1)
    _, sweeps = process(store, MemoryBus(), clock, "one")

    async def gone(*_args: object, **_options: object) -> None:
        raise UnavailableError("gone")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "check_and_mutate", gone)
        with pytest.raises(UnavailableError):
            await sweeps.left_behind(0, 10, ())
    assert [each.id for each in await sweeps.left_behind(0, 10, ())] == [1]
