"""What operators have set, on every row engine."""

import pytest

from services.fanout.ports import StoredControls
from services.fanout.spec import CONTROLS
from services.fanout.store import RowControlStore
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

FAR_AHEAD_MS = 4_000_000_000_000


@pytest.fixture(autouse=True)
def _control_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (CONTROLS,))


async def test_each_thing_is_set_by_itself(store: RowStore) -> None:
    one, other = RowControlStore(store), RowControlStore(store)
    assert await one.load() == StoredControls(None, frozenset())
    await one.set_threshold(7)
    await one.set_paused(["fanout.plan", "fanout.rest"], paused=True)
    await other.set_paused(["fanout.close", "fanout.rest"], paused=True)
    everything = frozenset({"fanout.plan", "fanout.close", "fanout.rest"})
    assert await one.load() == await other.load() == StoredControls(7, everything)
    await other.set_threshold(None)
    await one.set_paused(["fanout.plan", "fanout.legs"], paused=False)
    left = frozenset({"fanout.close", "fanout.rest"})
    assert await one.load() == await other.load() == StoredControls(None, left)


async def test_the_last_writer_wins_whatever_the_clocks_say(store: RowStore) -> None:
    controls = RowControlStore(store)
    await controls.set_threshold(7)
    ahead = RowMutation(
        CONTROLS.name,
        b"controls",
        {b"threshold": b"8", b"paused#fanout.rest": b"1"},
        timestamp_ms=FAR_AHEAD_MS,
    )
    await store.mutate([ahead])
    assert await controls.load() == StoredControls(8, frozenset({"fanout.rest"}))
    await controls.set_threshold(9)
    await controls.set_paused(["fanout.rest"], paused=False)
    assert await controls.load() == StoredControls(9, frozenset())
