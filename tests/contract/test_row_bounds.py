"""How many cells of a row may count, on every engine of the row store."""

import asyncio

import pytest

from services.platform.rows.port import Bound, OverfullError, Room, RowMutation, RowStore
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

KEY = b"k"
NOW_MS = 1_800_000_000_000


def setting(value: bytes, *columns: bytes, key: bytes = KEY) -> RowMutation:
    return RowMutation("first", key, dict.fromkeys(columns, value), timestamp_ms=NOW_MS)


async def columns(store: RowStore, key: bytes = KEY) -> list[bytes]:
    found = await store.read_rows("first", [key])
    return list(found[key].cells) if key in found else []


async def test_a_batch_that_breaks_a_bound_is_not_made(store: RowStore) -> None:
    bound = Bound("first", KEY, b"1", most=3, rise=2)
    if not store.atomic_batches:
        with pytest.raises(NotImplementedError):
            await store.mutate_counted([setting(b"1", b"a")], [bound])
        return
    await store.mutate_counted([setting(b"1", b"a", b"b"), setting(b"0", b"x", b"y")], [bound])
    await store.mutate([setting(b"1", b"abcdefg", key=b"l")])
    with pytest.raises(OverfullError) as refused:
        await store.mutate_counted(
            [setting(b"1", b"c", key=b"l"), setting(b"1", b"c", b"d")], [bound]
        )
    assert refused.value.rows == {("first", KEY)}
    assert await columns(store) == [b"a", b"b", b"x", b"y"]
    assert await columns(store, b"l") == [b"abcdefg"]
    # What has the value already is no rise.
    await store.mutate_counted([setting(b"1", b"b", b"c")], [bound])
    # As many as there were may stay.
    await store.mutate([setting(b"1", b"d", b"e")])
    await store.mutate_counted([setting(b"1", b"d", b"e")], [bound])
    await store.mutate_counted([setting(b"0", b"a"), setting(b"1", b"x")], [bound])
    with pytest.raises(OverfullError):
        await store.mutate_counted([setting(b"1", b"y")], [bound])


async def test_places_are_kept_while_there_is_room(store: RowStore) -> None:
    room = Room(b"1", kept_from=b"p", young_from_ms=NOW_MS - 1_000, most=4)

    async def kept(*places: bytes, at_ms: int = NOW_MS) -> bool:
        return await store.keep_places("first", KEY, places, at_ms, room)

    await store.mutate([setting(b"1", b"a", b"b"), setting(b"0", b"c", b"d", b"e")])
    assert await kept(b"p1")
    assert not await kept(b"p2", b"p3"), "all or none"
    assert await columns(store) == [b"a", b"b", b"c", b"d", b"e", b"p1"]
    assert await kept(b"p2")
    assert not await kept(b"p3")
    await store.mutate([setting(b"0", b"a")])
    assert await kept(b"p3", at_ms=NOW_MS - 1_001)
    assert await kept(b"p4"), "one that is old does not count"
    assert not await kept(b"p5")
    assert not await kept(*(b"p%d" % n for n in range(5)))
    # A place gives way to what it was kept for, in one change.
    await store.mutate([setting(b"1", b"c"), RowMutation("first", KEY, deletes=[b"p1"])])
    assert not await kept(b"p5")
    await store.mutate([RowMutation("first", KEY, deletes=[b"p2"])])
    assert await kept(b"p5")


async def test_an_empty_row_has_room(store: RowStore) -> None:
    room = Room(b"1", kept_from=b"p", young_from_ms=NOW_MS, most=1)
    assert not await store.keep_places("first", KEY, [b"p1", b"p2"], NOW_MS, room)
    assert await columns(store) == []
    assert await store.keep_places("first", KEY, [b"p1"], NOW_MS, room)
    assert not await store.keep_places("first", KEY, [b"p2"], NOW_MS, room)


async def test_of_many_at_once_as_many_get_places_as_there_are(store: RowStore) -> None:
    room = Room(b"1", kept_from=b"p", young_from_ms=NOW_MS, most=7)
    await store.mutate([setting(b"1", b"a", b"b", b"c")])
    done = await asyncio.gather(
        *(store.keep_places("first", KEY, [b"p%d" % n], NOW_MS, room) for n in range(20))
    )
    assert sum(done) == 4
    assert len(await columns(store)) == 7
