"""What operators have set, on every row engine: pauses and the threshold, in cells of one row."""

import pytest

from services.fanout.spec import CONTROLS
from services.fanout.store import RowThresholdStore
from services.platform.queues.store import RowPauseStore
from services.platform.rows.port import RowMutation, RowStore
from services.platform.specs import pauses_table
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

FAR_AHEAD_MS = 4_000_000_000_000


@pytest.fixture(autouse=True)
def _control_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (CONTROLS,))


async def test_pauses_and_the_threshold_are_stored_apart(store: RowStore) -> None:
    one, other = RowPauseStore(store, CONTROLS), RowPauseStore(store, CONTROLS)
    threshold = RowThresholdStore(store)
    assert (await one.load(), await threshold.load()) == (frozenset(), None)
    await threshold.set_threshold(7)
    await one.set_paused(["fanout.plan", "fanout.rest"], paused=True)
    await other.set_paused(["tweet.erasure", "fanout.rest"], paused=True)
    everything = frozenset({"fanout.plan", "tweet.erasure", "fanout.rest"})
    assert await one.load() == await other.load() == everything
    assert await threshold.load() == 7
    await threshold.set_threshold(None)
    await one.set_paused(["fanout.plan", "fanout.legs"], paused=False)
    assert await one.load() == await other.load() == {"tweet.erasure", "fanout.rest"}
    assert await threshold.load() is None


async def test_what_earlier_releases_wrote_goes_on_counting(store: RowStore) -> None:
    assert pauses_table() == ("fanout", CONTROLS)
    written = {b"threshold": b"8", b"paused#fanout.rest": b"1"}
    await store.mutate([RowMutation("fanout_controls", b"controls", written)])
    assert await RowPauseStore(store, CONTROLS).load() == {"fanout.rest"}
    assert await RowThresholdStore(store).load() == 8


async def test_what_cannot_be_read_is_as_if_nobody_had_set_it(store: RowStore) -> None:
    written = {b"threshold": b"many", b"paused#\xff": b"1", b"paused#fanout.rest": b"1"}
    await store.mutate([RowMutation("fanout_controls", b"controls", written)])
    assert "fanout.rest" in await RowPauseStore(store, CONTROLS).load()
    assert await RowThresholdStore(store).load() is None


async def test_the_last_writer_wins_whatever_the_clocks_say(store: RowStore) -> None:
    pauses, threshold = RowPauseStore(store, CONTROLS), RowThresholdStore(store)
    await threshold.set_threshold(7)
    ahead = RowMutation(
        CONTROLS.name,
        b"controls",
        {b"threshold": b"8", b"paused#fanout.rest": b"1"},
        timestamp_ms=FAR_AHEAD_MS,
    )
    await store.mutate([ahead])
    assert (await threshold.load(), await pauses.load()) == (8, {"fanout.rest"})
    await threshold.set_threshold(9)
    await pauses.set_paused(["fanout.rest"], paused=False)
    assert (await threshold.load(), await pauses.load()) == (9, frozenset())
