"""What the bus refuses: set aside by the relay, and in the hands of operators, on every engine."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from services.platform.bus.port import Message, RefusedError
from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.outbox import relay as relays
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.outbox.refused import RefusedEntries
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.queues.pauses import Pauses
from services.platform.queues.service import Queues
from services.platform.queues.store import RowPauseStore
from services.platform.rows.port import Row, RowMutation, RowStore, TableSpec
from services.platform.runtime.clock import SystemClock
from tests.contract import row_engines
from tests.contract.outbox_world import MemoryBus, change, eventually, pending
from tests.contract.row_engines import OUTBOX, TABLES, bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

CONTROLS = TableSpec("controls")
QUEUE = f"outbox.{OUTBOX.name}"
WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, CONTROLS))
    # As soon as it was set aside, an entry is tried again.
    monkeypatch.setattr(relays, "SET_ASIDE_S", 0.05)


class PickyBus(MemoryBus):
    """Refuses some bodies, as long as it is told to."""

    def __init__(self, *refused: bytes) -> None:
        super().__init__()
        self.refused = set(refused)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        if bad := self.refused.intersection(message.data for message in messages):
            raise RefusedError(f"too large: {min(bad)!r}")
        await super().publish(topic, messages)

    async def backlog(self, _subscription: str) -> int:
        return 0

    async def dead_letters(self, _subscription: str) -> int:
        return 0


def refused_in(store: RowStore) -> RefusedEntries:
    async def opened() -> RowStore:
        return store

    return RefusedEntries(opened, CONTROLS)


def relay_of(store: RowStore, bus: MemoryBus, refused: RefusedEntries) -> OutboxRelay:
    clock = SystemClock()
    outbox = Outbox(store, clock, OUTBOX)
    sweeps = Sweeps(outbox, store, clock, "one")
    return OutboxRelay(outbox, bus, sweeps, refused=refused, sweep_interval_s=0.05, sweep_age_ms=0)


def queues_of(store: RowStore, bus: MemoryBus) -> Queues:
    pauses = Pauses(RowPauseStore(store, CONTROLS))
    return Queues(bus, pauses, ["first.one"], refused_in(store), [OUTBOX.name])  # type: ignore[arg-type]


async def listed(queues: Queues) -> list[str]:
    return [letter.id for letter in await queues.dead_letters(QUEUE, 0)]


async def until_listed(queues: Queues, ids: list[str]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await listed(queues) != ids:  # noqa: ASYNC110 - rows notify nobody
            await asyncio.sleep(0.02)


async def until_pending(store: RowStore, ids: list[int]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await pending(store) != ids:  # noqa: ASYNC110 - rows notify nobody
            await asyncio.sleep(0.02)


async def test_what_is_refused_is_a_dead_letter_until_it_is_taken(store: RowStore) -> None:
    bus = PickyBus(b"huge", b"odd")
    relay, queues = relay_of(store, bus, refused_in(store)), queues_of(store, bus)
    assert [queue.subscription for queue in await queues.all()] == ["first.one"]
    for number, body in enumerate([b"a", b"huge", b"b", b"odd", b"c"], start=1):
        await relay.commit([change(b"k%d" % number)], OutboxEntry(number, "first", body))
    await relay.start()
    await eventually(lambda: bus.bodies() == [b"a", b"b", b"c"])
    await until_listed(queues, ["2", "4"])
    (letter, _) = await queues.dead_letters(QUEUE, 0)
    assert letter.reason == "RefusedError: too large: b'huge'"
    assert dict(letter.fields) == {b"topic": b"first", b"bytes": b"4"}
    queue = (await queues.all())[-1]
    assert (queue.subscription, queue.messages, queue.dead_letters) == (QUEUE, 0, 2)

    # Put back, they are refused again; and one that the bus takes at last is off the list.
    assert await queues.redrive(QUEUE, 0) == 2
    await until_listed(queues, ["2", "4"])
    bus.refused.remove(b"odd")
    await until_listed(queues, ["2"])
    assert bus.bodies() == [b"a", b"b", b"c", b"odd"]

    assert await queues.drop(QUEUE, ["2", "4", "77", "no id"]) == 1
    assert await listed(queues) == []
    assert await queues.drop(QUEUE, ["2"]) == 0
    await until_pending(store, [])
    await relay.stop()
    assert b"huge" not in bus.bodies(), "nobody publishes what was dropped"
    with pytest.raises(InvalidArgumentError):
        await queues.pause([QUEUE])


async def test_the_others_go_on_while_nobody_can_be_told(store: RowStore) -> None:
    class Gone(RefusedEntries):
        gone = True

        async def record(self, outbox: str, entry: OutboxEntry, reason: str) -> bool:
            if self.gone:
                raise UnavailableError("the rows of another service")
            return await super().record(outbox, entry, reason)

    async def opened() -> RowStore:
        return store

    refused, bus = Gone(opened, CONTROLS), PickyBus(b"huge")
    relay = relay_of(store, bus, refused)
    await relay.start()
    for number, body in enumerate([b"huge", b"a", b"b"], start=1):
        await relay.commit([change(b"k%d" % number)], OutboxEntry(number, "first", body))
    await eventually(lambda: bus.bodies() == [b"a", b"b"])
    await until_pending(store, [1])
    refused.gone = False
    await until_listed(queues_of(store, bus), ["1"])
    await relay.stop()


@pytest.mark.parametrize("first", ["drop", "redrive", "publish"])
@pytest.mark.parametrize("second", ["drop", "redrive"])
async def test_of_two_operators_at_once_one_has_done_it(
    store: RowStore, first: str, second: str
) -> None:
    """What one was told stands, though the other had looked at the list before."""
    refused = refused_in(store)
    entry = OutboxEntry(1, "first", b"huge")
    assert not await refused.record(OUTBOX.name, entry, "no")

    async def do(what: str, entries: RefusedEntries) -> int:
        if what == "drop":
            return await entries.drop_dead_letters(OUTBOX.name, ["1"])
        return await entries.redrive(OUTBOX.name, limit=9)

    class Overtaken:
        """Rows that another operator, or the relay, changes once they have been looked at."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def scan(self, *args: Any, **kwargs: Any) -> Sequence[Row]:
            rows = await store.scan(*args, **kwargs)
            if first == "publish":
                await refused.forget(OUTBOX.name, [1])
            else:
                assert await do(first, refused) == 1
            return rows

    async def opened() -> RowStore:
        return cast("RowStore", Overtaken())

    assert await do(second, RefusedEntries(opened, CONTROLS)) == 0
    assert await refused.record(OUTBOX.name, entry, "no") == (first == "drop")


async def test_what_a_newer_version_has_said_is_listed(store: RowStore) -> None:
    said = json.dumps(["no", "first", 4, {"since": 1}]).encode()
    row = RowMutation(CONTROLS.name, b"refused#outbox", {b"%016x" % 1: said})
    await store.mutate([row])
    (letter,) = await refused_in(store).list_dead_letters(OUTBOX.name, limit=3)
    assert (letter.id, letter.reason) == ("1", "no")


async def test_what_is_listed_of_many_is_bounded(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refused_in(store)
    for number in range(1, 6):
        entry = OutboxEntry(number, "first", b"")
        assert not await refused.record(OUTBOX.name, entry, "no")
    damaged = {b"?": b"", b"0" * 16: b"[]"}
    await store.mutate([RowMutation(CONTROLS.name, b"refused#outbox", damaged)])
    assert [letter.id for letter in await refused.list_dead_letters(OUTBOX.name, limit=3)] == [
        "1",
        "2",
        "3",
    ]
    assert await refused.dead_letters(OUTBOX.name) == 5
    assert await refused.dead_letters("another") == 0
    monkeypatch.setattr("services.platform.outbox.refused.COUNTED", 4)
    assert await refused.dead_letters(OUTBOX.name) <= 4
