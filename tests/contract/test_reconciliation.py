"""Counts that are off are found, reported and put right, by one replica at a time."""

import asyncio
from collections.abc import Collection

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.engagement.count_store import first_cell
from services.engagement.edge_rows import counted_cell
from services.engagement.model import Drift, Edge, Kind
from services.engagement.reconciling import LEASE_MS, PASS_EVERY_S, STEP_EVERY_S
from services.engagement.spec import TABLES
from services.platform.errors import UnavailableError
from services.platform.rows.port import RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.engagement_world import TWEET, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    return World(store)


async def set_count(store: RowStore, count: int, tweet_id: int = TWEET) -> None:
    cell = first_cell(tweet_id, Kind.LIKE)
    await store.mutate([RowMutation(cell.table, cell.key, {cell.column: count.to_bytes(8, "big")})])


async def test_what_is_off_is_put_right_and_reported(one: World, store: RowStore) -> None:
    await one.like(1, 2, 3)
    await one.publish()
    await set_count(store, 70)
    with capture_logs() as logs:
        drifts = await one.reconciling.reconcile([TWEET, TWEET, 2_000])
    assert drifts == [Drift(TWEET, Kind.LIKE, 70, 3)]
    assert [(log["event"], log["counted"], log["exact"]) for log in logs] == [
        ("engagement.drift", 70, 3)
    ]
    assert await one.count() == 3
    assert TWEET in one.cache.forgotten
    assert await one.reconciling.reconcile([TWEET]) == []


async def test_a_process_that_died_between_mark_and_count(one: World, store: RowStore) -> None:
    """Where rows change one by one: the edge says that it is counted, and the count has it not."""
    await one.like(1, 2)
    await one.publish()
    await one.like(3)
    cell = counted_cell(Edge(Kind.LIKE, 3, TWEET))
    await store.mutate([RowMutation(cell.table, cell.key, {cell.column: b"1"})])
    await one.publish()
    assert await one.count() == 2
    assert await one.reconciling.reconcile([TWEET]) == [Drift(TWEET, Kind.LIKE, 2, 3)]
    assert await one.count() == 3


async def test_what_was_never_counted_is(one: World) -> None:
    await one.like(1, 2)
    assert await one.reconciling.reconcile([TWEET]) == []
    assert await one.count() == 2
    await one.publish()
    assert await one.count() == 2


async def test_a_count_that_is_none_is_made_anew(one: World, store: RowStore) -> None:
    await one.like(1, 2)
    await one.publish()
    cell = first_cell(TWEET, Kind.LIKE)
    await store.mutate([RowMutation(cell.table, cell.key, {cell.column: b"many"})])
    assert await one.count() == 0
    assert await one.reconciling.reconcile([TWEET]) == [Drift(TWEET, Kind.LIKE, 0, 2)]
    assert await one.count() == 2
    await one.like(3)
    await one.publish()
    assert await one.count() == 3


async def test_a_count_that_is_lost_is_made_anew(one: World, store: RowStore) -> None:
    await one.like(*range(1, 200))
    await one.publish()
    for key in {cell.key for cell in (await one.count_store.count_cells([TWEET]))[TWEET]}:
        await store.mutate([RowMutation("tweet_counts", key, delete_row=True)])
    await one.reconciling.reconcile([TWEET])
    assert await one.count() == 199


async def test_the_job_goes_through_all_tweets_and_only_one_replica_does_it(
    one: World, store: RowStore
) -> None:
    other = World(store, worker=2, clock=one.clock)
    tweets = range(TWEET, TWEET + 30)
    await asyncio.gather(*(one.like(1, 2, tweet_id=tweet) for tweet in tweets))
    await one.publish()
    for tweet in tweets:
        await set_count(store, 9, tweet)
    assert await one.reconciling.step() == PASS_EVERY_S
    assert [await one.count(tweet_id=tweet) for tweet in tweets] == [2] * 30
    await set_count(store, 9)
    assert await other.reconciling.step() == STEP_EVERY_S
    assert await other.count() == 9
    one.clock.ms += int(PASS_EVERY_S * 1_000) + LEASE_MS
    assert await other.reconciling.step() == PASS_EVERY_S
    assert await other.count() == 2


async def test_a_tweet_that_changes_all_the_time_holds_up_no_other(
    one: World, store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Keys of tweets sort by their shards, and these are all of one.
    tweets = [TWEET, TWEET + 64, TWEET + 128]
    for tweet in tweets:
        await one.like(1, 2, tweet_id=tweet)
    await one.publish()
    for tweet in tweets:
        await set_count(store, 9, tweet)
    settle = one.count_store.settle

    async def overtaken(edges: Collection[Edge]) -> None:
        """After each count somebody likes the first tweet again."""
        if {edge.tweet_id for edge in edges} != {TWEET}:
            await settle(edges)

    monkeypatch.setattr(one.count_store, "settle", overtaken)
    await one.like(3)
    with pytest.raises(UnavailableError, match="changing too fast"):
        await one.reconciling.reconcile([TWEET])
    assert await one.reconciling.step() == PASS_EVERY_S
    assert [await one.count(tweet_id=tweet) for tweet in tweets] == [9, 2, 2]


async def test_a_pass_goes_on_where_another_replica_ended(
    one: World, store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.engagement.reconciling.EDGES_PER_STEP", 10)
    worlds = [one, World(store, worker=2, clock=one.clock)]
    tweets = range(TWEET, TWEET + 12)
    await asyncio.gather(*(one.like(1, 2, 3, tweet_id=tweet) for tweet in tweets))
    await one.publish()
    for tweet in tweets:
        await set_count(store, 9, tweet)
    steps = 0
    while await worlds[steps % 2].reconciling.step() == STEP_EVERY_S:
        one.clock.ms += LEASE_MS
        steps += 1
    assert steps > 1
    assert [await one.count(tweet_id=tweet) for tweet in tweets] == [3] * 12
