"""What a user did with tweets, as it is read by the page: on both engines."""

import asyncio
from collections.abc import Collection

import pytest
import pytest_asyncio

from services.engagement import reads
from services.engagement.model import Kind
from services.engagement.spec import TABLES
from services.platform.errors import UnavailableError
from services.platform.rows.port import CellName, DatedCell, RowStore
from tests.contract import row_engines
from tests.contract.engagement_world import TWEET, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ADA, BOB = 7, 8
NOTHING: dict[Kind, list[int]] = {Kind.LIKE: [], Kind.RETWEET: [], Kind.BOOKMARK: []}
LIKED = NOTHING | {Kind.LIKE: [TWEET]}


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def world(store: RowStore) -> World:
    return World(store)


async def test_each_thing_that_was_done_is_found_and_what_was_taken_back_is_not(
    world: World,
) -> None:
    await world.engaging.engage(Kind.LIKE, ADA, 3)
    await world.engaging.engage(Kind.RETWEET, ADA, 3)
    await world.engaging.engage(Kind.BOOKMARK, ADA, 5)
    await world.engaging.engage(Kind.LIKE, ADA, 4)
    await world.engaging.disengage(Kind.LIKE, ADA, 4)
    expected = {Kind.LIKE: [3], Kind.RETWEET: [3], Kind.BOOKMARK: [5]}
    assert await world.reads.engaged(ADA, [3, 4, 5, 6]) == expected
    assert await world.reads.engaged(ADA, [4, 6]) == NOTHING
    assert await world.reads.engaged(BOB, [3, 4, 5, 6]) == NOTHING
    newest = await world.reads.newest_engaged(ADA)
    assert ({kind: list(ids) for kind, ids in newest.by_kind.items()}, newest.floor) == (
        expected,
        0,
    )


async def test_however_much_a_user_did_no_more_is_read_than_was_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[CellName] = []

    async def read_cells(names: Collection[CellName]) -> dict[CellName, DatedCell]:
        read.extend(names)
        return {}

    monkeypatch.setattr(world.rows, "read_cells", read_cells)
    assert await world.reads.engaged(ADA, range(1, 101)) == NOTHING
    assert len(read) == 3 * 100
    # Of a row with many of the columns that are asked for an engine may read all that it has.
    assert len({name.column for name in read}) == 1


async def test_the_newest_say_from_where_on_they_are_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "NEWEST", 3)
    for tweet_id in (10, 20, 30, 40):
        await world.like(ADA, tweet_id=tweet_id)
    await world.engaging.engage(Kind.BOOKMARK, ADA, 5)
    newest = await world.reads.newest_engaged(ADA)
    assert list(newest.by_kind[Kind.LIKE]) == [40, 30, 20]
    assert list(newest.by_kind[Kind.BOOKMARK]) == [5]
    assert newest.floor == 20
    # What was taken back takes its place among those that are read.
    await world.unlike(ADA, tweet_id=40)
    newest = await world.reads.newest_engaged(ADA)
    assert (list(newest.by_kind[Kind.LIKE]), newest.floor) == ([30, 20], 20)


async def test_readers_look_again_before_a_change_is_answered(world: World) -> None:
    await world.like(ADA, BOB)
    assert set().union(*world.viewers.forgotten) == {ADA, BOB}
    world.viewers.forgotten.clear()
    # Also where nothing is to be done: the try before may have died between the two.
    await world.like(ADA)
    assert world.viewers.forgotten == [{ADA}]
    world.viewers.forgotten.clear()
    await world.publish()
    assert world.viewers.forgotten == [{ADA, BOB}]


async def test_a_repeat_keeps_no_change_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.like(ADA)
    stood: list[bool] = []

    async def forget(_viewers: Collection[int]) -> None:
        stood.append(await world.reads.engaged(BOB, [TWEET]) == LIKED)

    monkeypatch.setattr(world.viewers, "forget", forget)
    await asyncio.gather(world.like(ADA), world.like(BOB))
    assert stood == [True, True]


async def test_a_repeat_is_answered_though_its_group_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.like(ADA)
    world.viewers.forgotten.clear()

    async def commit(_commits: object) -> None:
        raise UnavailableError("the engine is gone")

    monkeypatch.setattr(world.store, "commit", commit)
    answers = await asyncio.gather(world.like(ADA), world.like(BOB), return_exceptions=True)
    assert (answers[0], type(answers[1])) == (None, UnavailableError)
    assert world.viewers.forgotten == [{ADA}]


async def test_nobody_is_told_of_what_was_refused(world: World) -> None:
    world.tweets.deleted.add(TWEET)
    with pytest.raises(Exception, match="no tweet"):
        await world.like(ADA)
    assert world.viewers.forgotten == []
