"""Replicas that share an index: one keeps it, whoever that is, and all find the same."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.rows.port import RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.search.opensearch_state import TERM_S
from services.search.spec import TABLES
from tests.contract.opensearch_stand_in import StandIn, opensearch_stand_in
from tests.contract.search_engines import Cluster, OpenSearchEngine, cluster
from tests.contract.search_index import found, number, tweet
from tests.contract.search_replica import HandClock, Owner, Replica, replica

__all__ = ["cluster"]


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[RowStore]:
    opened = SqliteRowStore(tmp_path / "rows.db", TABLES, HandClock())
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def engine(cluster: Cluster) -> AsyncIterator[OpenSearchEngine]:
    made = OpenSearchEngine(cluster.url, f"test-{uuid.uuid4().hex}")
    yield made
    await made.remove()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with opensearch_stand_in() as running:
        yield running


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def pair(
    engine: OpenSearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> AsyncIterator[tuple[Replica, Replica]]:
    """The first keeps the index."""
    async with (
        replica(engine, rows, owner, clock) as one,
        replica(engine, rows, owner, clock) as other,
    ):
        await one.catch_up()
        yield one, other


async def test_what_any_notes_all_find_and_one_reports(
    pair: tuple[Replica, Replica], owner: Owner
) -> None:
    one, other = pair
    await other.changes.append(owner.post(tweet(1, "x one")))
    await other.catch_up()
    assert await found(other.index, "x") == [], "it is not the one that writes"
    assert other.following.complete.is_set()
    await one.catch_up()
    for each in pair:
        assert await found(each.index, "x") == [1]
    assert len(await one.reports.read()) == 1


async def test_another_goes_on_when_the_one_that_wrote_is_gone(
    engine: OpenSearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    async with replica(engine, rows, owner, clock) as other:
        async with replica(engine, rows, owner, clock) as one:
            await one.catch_up()
            await one.changes.append(owner.post(tweet(1, "x one")))
            await one.catch_up()
            await one.changes.append(owner.post(tweet(2, "x other")))
        # At once, where it gave its lease back.
        await other.catch_up()
        assert await found(other.index, "x") == [2, 1]


async def test_another_goes_on_when_the_one_that_wrote_stands_still(
    pair: tuple[Replica, Replica], owner: Owner
) -> None:
    one, other = pair
    await other.changes.append(owner.post(tweet(1, "x one")))
    async with asyncio.timeout(4 * TERM_S):
        while await found(other.index, "x") != [1]:
            await other.catch_up()
    # Whoever comes back is told, by the first thing that it wants to write.
    await one.changes.append(owner.post(tweet(2, "x other")))
    await one.catch_up()
    assert await found(one.index, "x") == [1]
    await other.catch_up()
    assert await found(one.index, "x") == [2, 1]


async def test_another_goes_on_when_the_one_that_wrote_does_not_reach_the_tweets(
    engine: OpenSearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    reached = owner.as_others_see_it()
    async with (
        replica(engine, rows, reached, clock) as one,
        replica(engine, rows, owner, clock) as other,
    ):
        await one.catch_up()
        await other.catch_up()
        reached.is_away = True
        await one.changes.append(owner.post(tweet(1, "x one")))
        with pytest.raises(UnavailableError, match="tweet service"):
            await one.catch_up()
        # The one that failed does not take the lease back, and another has it at once.
        await one.catch_up()
        await other.catch_up()
        assert await found(one.index, "x") == [1]
        reached.is_away, owner.is_away = False, True
        await one.changes.append(owner.post(tweet(2, "x other")))
        with pytest.raises(UnavailableError, match="tweet service"):
            await other.catch_up()
        await finds(one, [2, 1], clock)


async def test_one_that_is_alone_goes_on_when_it_reaches_the_tweets_again(
    engine: OpenSearchEngine, rows: RowStore, owner: Owner, clock: HandClock
) -> None:
    async with replica(engine, rows, owner, clock) as one:
        await one.catch_up()
        owner.is_away = True
        await one.changes.append(owner.post(tweet(1, "x one")))
        with pytest.raises(UnavailableError):
            await one.catch_up()
        owner.is_away = False
        await finds(one, [1], clock)


async def test_a_lease_that_cannot_be_given_back_is_kept(stand_in: StandIn) -> None:
    engine = OpenSearchEngine(stand_in.url, "test")
    async with engine.parts() as (_, state):
        assert await state.hold()
        number = await state.next()
        stand_in.fails_with = lambda _method, _path: 503
        with pytest.raises(UnavailableError):
            await state.release()
        stand_in.fails_with = lambda _method, _path: None
        assert await state.next() > number
        await state.release()
        async with engine.parts() as (_, after):
            assert await after.hold()


async def test_a_late_write_brings_no_deleted_tweet_back(engine: OpenSearchEngine) -> None:
    async with engine.parts() as (late, before), engine.parts() as (index, state):
        await late.open()
        stopped = await before.next()
        await before.release()
        await index.apply([tweet(2, "x other")], (), 1)
        await index.apply([], [number(1)], 1)
        # It had asked for its number before it stood still.
        before.next = lambda: asyncio.sleep(0, stopped)  # type: ignore[method-assign]
        await late.apply([tweet(1, "x one"), tweet(2, "x of before")], (), 1)
        assert await found(index, "x") == [2]
        assert await found(index, "before") == []
        assert await state.next() > stopped


async def test_what_was_dropped_as_old_can_be_put_in_again(engine: OpenSearchEngine) -> None:
    async with engine.parts() as (index, _):
        await index.open()
        await index.apply([tweet(1, "x one")], (), 1)
        await index.drop_before(2)
        assert await found(index, "x") == []
        await index.apply([tweet(1, "x one")], (), 2)
        assert await found(index, "x") == [1]


@pytest.mark.parametrize("lost", ["-000001", "-state"])
async def test_what_is_lost_is_built_anew(
    pair: tuple[Replica, Replica],
    engine: OpenSearchEngine,
    owner: Owner,
    clock: HandClock,
    lost: str,
) -> None:
    one, _ = pair
    await one.changes.append(owner.post(*(tweet(place, f"x number{place}") for place in (1, 2, 3))))
    await one.catch_up()
    del owner.tweets[number(2)]
    await engine.remove(lost)
    clock.ms += 1_000
    await one.changes.append(owner.post(tweet(4, "x fourth thing")))
    await finds(one, [4, 3, 1], clock)


async def finds(one: Replica, places: list[int], clock: HandClock) -> None:
    """Wait for it, as time goes on: a replica's next write may fail, and then it stands back."""
    async with asyncio.timeout(4 * TERM_S):
        while True:
            with suppress(UnavailableError):
                await one.catch_up()
                if await found(one.index, "x") == places:
                    return
            clock.ms += 100
            await asyncio.sleep(0.01)
