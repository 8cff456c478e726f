"""The outbox, on every row engine, with crashes staged at each step."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from services.platform.errors import UnavailableError
from services.platform.outbox.keys import outbox_row_key
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.rows.port import Row, RowMutation, RowStore, Scan
from services.platform.runtime.clock import SystemClock
from tests.contract.outbox_world import (
    ClockAhead,
    CrashingStore,
    MemoryBus,
    change,
    eventually,
    pending,
    relay_of,
)
from tests.contract.row_engines import OUTBOX, bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]


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

    async def test_many_entries_are_committed_together(self, store: RowStore) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        changes = [change(b"%d" % number) for number in range(20)]
        entries = [
            OutboxEntry(number, "topic", b"%d" % number, {"n": str(number)}, [each])
            for number, each in enumerate(changes)
        ]
        await outbox.commit_all(changes, entries)
        await outbox.commit_all(changes, entries)
        assert len(await store.read_rows("first", [each.key for each in changes])) == 20
        found = {entry.id: entry for entry in await outbox.pending(0, 100)}
        assert sorted(found) == list(range(20))
        for number, each in enumerate(changes):
            assert found[number].data == b"%d" % number
            assert found[number].attributes == {"n": str(number)}
            assert list(found[number].mutations) == ([] if store.atomic_batches else [each])

    async def test_after_a_crash_between_entries_and_rows_each_is_replayed(
        self, store: RowStore
    ) -> None:
        crashing = cast("RowStore", CrashingStore(store, 2))
        outbox = Outbox(crashing, SystemClock(), OUTBOX)
        changes = [change(b"%d" % number) for number in range(3)]
        entries = [
            OutboxEntry(number, "t", b"", mutations=[each]) for number, each in enumerate(changes)
        ]
        with pytest.raises(UnavailableError):
            await outbox.commit_all(changes, entries)
        assert await store.read_rows("first", [b"0", b"1", b"2"]) == {}
        for entry in await outbox.pending(0, 100):
            await outbox.roll_forward(entry)
        assert len(await store.read_rows("first", [b"0", b"1", b"2"])) == 3

    async def test_no_entry_is_committed_whose_changes_cannot_be_replayed(
        self, store: RowStore
    ) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        undated = RowMutation("first", b"k", {b"c": b"v"})
        entries = [
            OutboxEntry(1, "t", b"", mutations=[change(b"k")]),
            OutboxEntry(2, "t", b"", mutations=[undated]),
        ]
        with pytest.raises(ValueError, match="explicit timestamps"):
            await outbox.commit_all([change(b"k"), undated], entries)
        assert await outbox.pending(0, 10) == []

    async def test_pending_obeys_age_limit_and_exclusion(self, store: RowStore) -> None:
        outbox = Outbox(store, SystemClock(), OUTBOX)
        await asyncio.gather(*(outbox.commit([], OutboxEntry(i, "t", b"")) for i in range(64)))
        assert await outbox.pending(60_000, 100) == []
        assert len(await outbox.pending(0, 10)) == 10
        held = set(range(60))
        assert {e.id for e in await outbox.pending(0, 16, exclude=held)} == {60, 61, 62, 63}
        assert await pending(store) == list(range(64))

    async def test_a_look_is_one_read_where_there_is_nothing(
        self, store: RowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every service looks every few seconds, and finds nothing; of much, nothing is missed."""
        calls = 0

        class Counting(CrashingStore):
            async def scan_many(self, scans: Sequence[Scan]) -> list[list[Row]]:
                nonlocal calls
                calls += 1
                return await super().scan_many(scans)

        async def scan(*where: Any, **what: Any) -> list[Row]:
            nonlocal calls
            calls += 1
            return await store.scan(*where, **what)

        counting = Counting(store, at=0)
        counting.scan = scan
        outbox = Outbox(store, SystemClock(), OUTBOX)
        looking = Outbox(cast("RowStore", counting), SystemClock(), OUTBOX)
        assert (await looking.pending(0, 500), calls) == ([], 1)
        await asyncio.gather(*(outbox.commit([], OutboxEntry(i, "t", b"")) for i in range(100)))
        monkeypatch.setattr("services.platform.outbox.outbox.SCAN_PAGE_ROWS", 2)
        held = set(range(50))
        found = await looking.pending(0, 500, exclude=held)
        assert sorted(entry.id for entry in found) == list(range(50, 100))
        assert calls == 1 + 1 + 4

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
