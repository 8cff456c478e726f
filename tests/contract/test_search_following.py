"""Every index comes to what the tweets are, whatever becomes of the process that keeps it."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.ids.snowflake_time import time_ms
from services.platform.observability.names import METRIC_SEARCH_LAG, METRIC_SEARCH_REBUILT
from services.platform.rows.port import RowMutation, RowStore
from services.search.following import ENTRIES_PER_LOOK, OVERLAP_MS
from services.search.keys import change_key
from services.search.spec import CHANGES, TABLES
from tests.contract.metric_values import Metrics
from tests.contract.row_engines import bigtable_emulator, open_rows
from tests.contract.search_engines import SearchEngine, TantivyEngine, cluster, search_engine
from tests.contract.search_index import found, number, tweet
from tests.contract.search_replica import MAX_AGE_MS, HandClock, Owner, Replica, replica

__all__ = ["bigtable_emulator", "cluster", "search_engine"]


@pytest.fixture(params=["sqlite", "bigtable"])
async def rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield opened


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def one(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> AsyncIterator[Replica]:
    async with replica(search_engine, rows, owner, clock) as running:
        await running.catch_up()
        yield running


async def test_changes_are_applied_whatever_their_order(one: Replica, owner: Owner) -> None:
    made = owner.post(tweet(1, "x one"), tweet(2, "x other"))
    await one.changes.append(made)
    await one.changes.append([number(1)])
    await one.catch_up()
    assert await found(one.index, "x") == [2, 1]
    # It is gone before anybody hears of its creation again.
    del owner.tweets[number(1)]
    for _ in range(2):
        await one.changes.append([number(1), number(3)])
    await one.catch_up()
    assert await found(one.index, "x") == [2]
    await one.changes.append(made)
    await one.catch_up()
    assert await found(one.index, "x") == [2]


async def test_each_replica_has_all(
    tmp_path: Path, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    engine = TantivyEngine(tmp_path / "search")
    async with (
        replica(engine, rows, owner, clock) as one,
        replica(engine, rows, owner, clock) as other,
    ):
        await one.changes.append(owner.post(tweet(1, "x one")))
        await other.changes.append(owner.post(tweet(2, "x other")))
        for each in (one, other):
            await each.catch_up()
            assert await found(each.index, "x") == [2, 1]
        names = [report.replica.rpartition(":")[2] for report in await one.reports.read()]
        assert names == ["0", "1"]


async def test_an_entry_that_shows_late_is_applied(
    one: Replica, owner: Owner, clock: HandClock, rows: RowStore
) -> None:
    await one.changes.append(owner.post(tweet(1, "x one")))
    await one.catch_up()
    (late,) = owner.post(tweet(2, "x other"))
    key = change_key(clock.ms - OVERLAP_MS + 1_000, 7)
    await rows.mutate([RowMutation(CHANGES.name, key, {b"ids": late.to_bytes(8, "big")})])
    await one.catch_up()
    assert await found(one.index, "x") == [2, 1]


async def test_a_wrong_clock_hides_no_entry(one: Replica, owner: Owner, clock: HandClock) -> None:
    clock.ms += 10 * MAX_AGE_MS
    await one.changes.append(owner.post(tweet(1, "x one")))
    clock.ms -= 10 * MAX_AGE_MS
    await one.catch_up()
    await one.changes.append(owner.post(tweet(2, "x other")))
    await one.catch_up()
    assert await found(one.index, "x") == [2, 1]


async def test_many_entries_within_the_overlap_are_all_applied(one: Replica, owner: Owner) -> None:
    for place in range(ENTRIES_PER_LOOK + 20):
        await one.changes.append([number(10_000 + place)])
    await one.catch_up()
    await one.changes.append(owner.post(tweet(1, "x one")))
    await one.catch_up()
    assert await found(one.index, "x") == [1]


async def test_the_lag_is_that_of_new_tweets(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    metrics = Metrics()
    owner.post(tweet(1, "x of before"))
    async with replica(search_engine, rows, owner, clock, metrics.provider) as running:
        await running.catch_up()
        assert metrics.points(METRIC_SEARCH_LAG) == {}
        made = owner.post(tweet(2, "x one"))
        await running.changes.append([*made, number(3)])
        clock.ms = time_ms(number(2)) + 1_500
        await running.catch_up()
    (point,) = metrics.points(METRIC_SEARCH_LAG).values()
    assert (point.count, point.sum) == (1, 1.5)


async def test_what_comes_while_nobody_runs_is_applied_afterwards(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
        await first.changes.append(owner.post(tweet(1, "x one")))
        await first.catch_up()
        await first.changes.append(owner.post(tweet(2, "x other")))
    clock.ms += MAX_AGE_MS - 1_000
    async with replica(search_engine, rows, owner, clock) as again:
        assert not await again.following.step(), "nothing is built anew"
        assert await found(again.index, "x") == [2, 1]


async def test_who_was_away_too_long_builds_anew(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
        await first.changes.append(owner.post(tweet(1, "x one"), tweet(2, "x other")))
        await first.catch_up()
    # Of these no entry is left.
    del owner.tweets[number(1)]
    owner.post(tweet(3, "x third thing"))
    clock.ms += MAX_AGE_MS + 1_000
    async with replica(search_engine, rows, owner, clock) as again:
        assert await found(again.index, "x") == [2, 1], "it answers at once, with what it has"
        await again.catch_up()
        assert await found(again.index, "x") == [3, 2]


@pytest.mark.parametrize("lost", ["index.1", "state.1.json", ""])
async def test_a_lost_index_is_built_anew(
    tmp_path: Path, rows: RowStore, owner: Owner, clock: HandClock, lost: str
) -> None:
    search_engine = TantivyEngine(tmp_path / "search")
    owner.post(*(tweet(place, f"x number{place}") for place in range(1, 6)))
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
        assert await found(first.index, "x") == [5, 4, 3, 2, 1]
    gone = search_engine.folder / "0" / lost
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    del owner.tweets[number(2)]
    clock.ms += 1_000
    async with replica(search_engine, rows, owner, clock) as again:
        await again.catch_up()
        assert await found(again.index, "x") == [5, 4, 3, 1]


async def test_a_rebuild_goes_on_where_it_was_cut_off_while_it_answers(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
        ids = owner.post(*(tweet(place, f"x number{place}") for place in range(1, 8)))
        await first.changes.append(ids)
        await first.catch_up()
        # Gone without a trace, which is what a rebuild is for.
        del owner.tweets[number(3)]
        await first.changes.request_rebuild()
        assert await first.following.step()
        assert await found(first.index, "x") == [7, 6, 5, 4, 3, 2, 1]
        await first.changes.append(owner.post(tweet(8, "x number8")))
    async with replica(search_engine, rows, owner, clock) as again:
        (report,) = await again.reports.read()
        assert report.rebuilding
        await again.following.step()
        assert (await found(again.index, "x"))[0] == 8
        del owner.tweets[number(1)]
        await again.changes.append([number(1)])
        await again.catch_up()
        assert await found(again.index, "x") == [8, 7, 6, 5, 4, 2]
        clock.ms += 60_000
        await again.catch_up()
        (report,) = await again.reports.read()
        assert (report.rebuilding, report.tweets, report.percent) == (False, 6, 100)
        assert not await again.following.step(), "one request is one rebuild"


@pytest.mark.parametrize("ids", [b"\x00" * 8, b"\xff" * 8, b"\x01"])
@pytest.mark.parametrize("damaged_key", [False, True])
async def test_an_entry_that_nobody_wrote_holds_up_no_other(
    one: Replica, owner: Owner, rows: RowStore, ids: bytes, *, damaged_key: bool
) -> None:
    key = b"5\xff" if damaged_key else change_key(HandClock().now_ms(), 1)
    await rows.mutate([RowMutation(CHANGES.name, key, {b"ids": ids})])
    made = owner.post(tweet(1, "x one"))
    await one.changes.append(made)
    await one.catch_up()
    assert await found(one.index, "x") == [1]


async def test_a_first_index_is_complete_once_it_has_been_built_to_its_end(
    search_engine: SearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    metrics = Metrics()
    owner.post(*(tweet(place, f"x number{place}") for place in range(1, 8)))
    for _ in range(2):
        # The second goes on where the first was cut off.
        async with replica(search_engine, rows, owner, clock, metrics.provider) as cut_off:
            await cut_off.following.step()
            assert not cut_off.following.complete.is_set()
            assert [*metrics.points(METRIC_SEARCH_REBUILT).values()][-1].value < 1
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
        assert first.following.complete.is_set()
        # It has all, whatever is built anew from here on.
        await first.changes.request_rebuild()
        assert await first.following.step()
    async with replica(search_engine, rows, owner, clock) as again:
        await again.following.step()
        assert again.following.complete.is_set()


async def test_a_state_of_the_release_before_is_gone_on_from(
    tmp_path: Path, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    search_engine = TantivyEngine(tmp_path / "search")
    async with replica(search_engine, rows, owner, clock) as first:
        await first.catch_up()
    state = search_engine.folder / "0" / "state.1.json"
    said = json.loads(state.read_bytes())
    del said["has_all"]
    state.write_text(json.dumps(said))
    async with replica(search_engine, rows, owner, clock) as again:
        assert again.following.complete.is_set()
        assert not await again.following.step(), "nothing is built anew"
