"""Rows that hold what nobody wrote there: each is left out by itself. Every engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.fanout.spec import CONTROLS
from services.fanout.store import RowThresholdStore
from services.graph import spec as graph_spec
from services.graph.slices import slices, taking
from services.graph.store import RowGraphStore
from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox
from services.platform.queues.store import RowPauseStore
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from services.platform.specs import all_specs
from services.timeline import store as timelines
from services.timeline.celebrities import RowCelebrities
from services.timeline.keys import home_row_key
from services.timeline.model import ViewerState
from services.timeline.spec import CELEBRITIES, HOME, VIEWERS
from services.timeline.store import RowHomeTimelines
from services.tweet import spec as tweet_spec
from services.tweet.keys import tweet_row_key
from services.tweet.model import Tweet
from services.tweet.store import RowTweetStore
from services.user import spec as user_spec
from services.user.model import User
from services.user.store import RowUserStore
from tests.contract.row_engines import bigtable_emulator, open_rows

__all__ = ["bigtable_emulator"]

TABLES = tuple(table for spec in all_specs().values() for table in spec.tables)
CLOCK = SystemClock()


@pytest.fixture(params=["sqlite", "bigtable"])
async def rows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield opened


async def put(rows: RowStore, table: str, key: bytes, **cells: bytes) -> None:
    sets = {column.encode(): value for column, value in cells.items()}
    await rows.mutate([RowMutation(table, key, sets)])


BODY = b'{"user_id":7,"text":"hi","created_at_ms":1,"in_reply_to_tweet_id":0,"quote_tweet_id":0}'
BODIES = [
    b"",
    b"\xff",
    b"[]",
    b"[" * 100_000,
    b"{}",
    BODY.replace(b"7", b'"7"'),
    BODY.replace(b"7", b"-7"),
    BODY.replace(b"7", b"9" * 30),
    BODY.replace(b'"hi"', b"5"),
    BODY.replace(b'"hi"', b'"\\ud800"'),
]
SAID = [
    b"",
    b"[]",
    b'{"language":5}',
    b'{"language":"\\ud800"}',
    b'{"entities":[]}',
    b'{"entities":{"mentions":5}}',
    b'{"entities":{"mentions":[[0]]}}',
    b'{"entities":{"hashtags":[["0","1"]]}}',
    b'{"entities":{"hashtags":[[0,3]]}}',
    b'{"entities":{"cashtags":[[-1,1]]}}',
    b'{"entities":{"urls":[[1,1]]}}',
    b'{"entities":{"urls":[[0,2,5]]}}',
    b'{"lineage":5}',
    b'{"lineage":[1]}',
    b'{"lineage":[1,["2"]]}',
    b'{"lineage":[-1,[]]}',
]


async def test_a_tweet_that_cannot_be_read_is_missing_alone(rows: RowStore) -> None:
    store = RowTweetStore(rows, Outbox(rows, CLOCK, tweet_spec.OUTBOX))
    for place, body in enumerate(BODIES):
        await put(rows, "tweets", tweet_row_key(100 + place), body=body)
    for place, said in enumerate(SAID):
        await put(rows, "tweets", tweet_row_key(200 + place), body=BODY, said=said)
    good = Tweet(99, 7, "hi", 1, 0, 0)
    await store.create(good, b"")
    await put(rows, "tweets", tweet_row_key(300), body=b"{", deleted=b"1")
    assert await store.get_many(range(99, 301)) == {99: good}
    # Whoever cleans up after deleted tweets must not take them for such.
    damaged = {*range(100, 100 + len(BODIES)), *range(200, 200 + len(SAID))}
    assert (await store.read_many(range(99, 301)))[1] == damaged


async def test_a_user_who_cannot_be_read_is_missing_alone(rows: RowStore) -> None:
    store = RowUserStore(rows, Outbox(rows, CLOCK, user_spec.OUTBOX))
    bodies = [*BODIES, b'{"handle":1,"display_name":"a","created_at_ms":1}']
    for place, body in enumerate(bodies):
        await put(rows, "users", user_row_key(100 + place), body=body)
    await put(rows, "users", user_row_key(98), other=b"")
    good = User(99, "ada", "Ada", 1)
    assert await store.add(good)
    assert await store.get(range(98, 100 + len(bodies))) == {99: good}


async def test_a_viewer_who_cannot_be_read_fails_no_page_of_pushes(rows: RowStore) -> None:
    homes = RowHomeTimelines(rows, CLOCK)
    await homes.begin_build(1, 50)
    await put(rows, VIEWERS.name, user_row_key(2), seen=b"yesterday")
    await homes.raise_floors({3: 5})
    await rows.mutate([RowMutation(VIEWERS.name, user_row_key(1), {timelines.FLOOR + b"?": b""})])
    assert await homes.active([1, 2, 3, 4], 50) == [1]
    assert await homes.state(1) == ViewerState(50, built=False, floor=0)
    assert await homes.state(2) is None
    # As one who never read, and so built anew.
    await homes.begin_build(2, 60)
    assert set(await homes.active([1, 2, 3, 4], 50)) == {1, 2}


async def test_a_home_is_read_past_what_is_no_tweet(rows: RowStore) -> None:
    homes, newest = RowHomeTimelines(rows, CLOCK), first_id_at(CLOCK.now_ms())
    await homes.add(1, [newest, newest - 1])
    await rows.mutate(
        [RowMutation(HOME.name, home_row_key(1, newest), {b"?": b"", b"\xff" * 9: b""})]
    )
    assert await homes.read(1, None, 0, 10) == [newest, newest - 1]


async def test_celebrities_are_read_past_one_who_is_none(rows: RowStore) -> None:
    celebrities = RowCelebrities(rows)
    await put(rows, CELEBRITIES.name, b"0nobody", seen=b"1")
    await celebrities.add(2)
    assert await celebrities.among(frozenset({1, 2})) == [2]


async def test_followed_users_are_read_past_one_who_is_none(rows: RowStore) -> None:
    store = RowGraphStore(rows, Outbox(rows, CLOCK, graph_spec.OUTBOX), CLOCK)
    columns = {(5).to_bytes(8, "big"): b"1", b"x": b"1", b"y" * 9: b"1", b"\xff" * 8: b"1"}
    await rows.mutate([RowMutation("following", user_row_key(1), columns)])
    for limit in (1, 2, 3, 10):
        found = [ids async for ids in slices(taking(store.following, 1), limit)]
        assert found == [(5,)]
    await store.add_to_follower_count(5, 3)
    await put(rows, "follow_counts", user_row_key(6), followers=b"many")
    await put(rows, "follow_counts", user_row_key(7), other=b"")
    assert await store.follower_counts([5, 6, 7]) == {5: 3}


async def test_controls_that_cannot_be_read_are_as_if_nobody_set_them(rows: RowStore) -> None:
    pauses = RowPauseStore(rows, CONTROLS)
    await pauses.set_paused(["fanout.rest"], paused=True)
    sets = {b"threshold": b"some", b"paused#\xff": b"1"}
    await rows.mutate([RowMutation(CONTROLS.name, b"controls", sets)])
    assert await RowThresholdStore(rows).load() is None
    assert "fanout.rest" in await pauses.load()
