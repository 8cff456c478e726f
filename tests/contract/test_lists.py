"""A list is what its owner made of it, whatever is repeated or raced; and only who may sees it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from services.list.model import MAX_LISTS, MAX_MEMBERS, UserList
from services.list.service import OVER_READ
from services.list.spec import LISTS_BY_OWNER, LISTS_WITH, TABLES
from services.platform.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from services.platform.rows.port import RowStore
from services.platform.visibility.rule import Sight
from services.user.events import UserEvents
from tests.contract import row_engines
from tests.contract.list_world import ADA, BOB, CYD, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the list service."""
    return World(store)


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, 2, one.siblings)


async def test_a_list_is_made_changed_and_deleted(one: World, other: World) -> None:
    made = await one.lists.create(ADA, " friends ", "people", private=False)
    assert (made.name, made.description, made.members) == ("friends", "people", ())
    await other.lists.update(ADA, made.list_id, name="foes")
    await one.lists.update(ADA, made.list_id, description="", private=True)
    assert await one.lists.get(ADA, made.list_id) == UserList(
        made.list_id, ADA, "foes", "", private=True, created_at_ms=made.created_at_ms
    )
    await other.lists.delete(ADA, made.list_id)
    for call in (
        one.lists.get(ADA, made.list_id),
        one.lists.update(ADA, made.list_id, name="x"),
        one.lists.delete(ADA, made.list_id),
        one.members.add(ADA, made.list_id, BOB),
        one.timelines.page(ADA, made.list_id, None, 1),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert await one.owned() == []


async def test_only_who_may_sees_and_changes(one: World) -> None:
    shown, private = await one.make(ADA, CYD), await one.make(ADA, CYD, private=True)
    assert await one.in_list(shown, reader=BOB) == [CYD]
    for call in (
        one.lists.update(BOB, shown, name="x"),
        one.lists.delete(BOB, shown),
        one.members.add(BOB, shown, BOB),
        one.members.remove(BOB, shown, CYD),
    ):
        with pytest.raises(PermissionDeniedError):
            await call
    for call in (
        one.lists.get(BOB, private),
        one.lists.update(BOB, private, name="x"),
        one.lists.delete(BOB, private),
        one.members.add(BOB, private, BOB),
        one.members.page(BOB, private, None, 10),
        one.timelines.page(BOB, private, None, 10),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert await one.in_list(private) == [CYD]


async def test_a_repeat_makes_one_list(one: World, other: World) -> None:
    made = await asyncio.gather(
        *(
            each.lists.create(ADA, "friends", "", private=False, request_id="r")
            for each in (one, other) * 3
        )
    )
    assert len({each.list_id for each in made}) == 1
    assert await other.owned() == [made[0].list_id]
    with pytest.raises(AlreadyExistsError):
        await one.lists.create(ADA, "foes", "", private=False, request_id="r")
    await one.lists.delete(ADA, made[0].list_id)
    with pytest.raises(NotFoundError):
        await one.lists.create(ADA, "friends", "", private=False, request_id="r")
    assert await one.owned() == []


async def test_members_race(one: World, other: World) -> None:
    list_id = await one.make()
    people = range(10, 30)
    await asyncio.gather(
        *(each.members.add(ADA, list_id, one_of) for one_of in people for each in (one, other)),
        return_exceptions=True,
    )
    for one_of in people:
        await one.members.add(ADA, list_id, one_of)
    assert await other.in_list(list_id) == [*people]
    for one_of in (*people[::2], *people[::2]):
        await other.members.remove(ADA, list_id, one_of)
    assert await one.in_list(list_id) == [*people[1::2]]


async def test_bounds_are_exact(one: World, other: World) -> None:
    list_id = await one.make()
    before = await one.lists.get(ADA, list_id)
    full = replace(before, members=tuple(range(10, 9 + MAX_MEMBERS)))
    assert await one.store.replace(before, full)
    found = await asyncio.gather(
        *(each.members.add(ADA, list_id, 5_000 + at) for at, each in enumerate((one, other))),
        return_exceptions=True,
    )
    assert sorted(map(type, found), key=str) == sorted(
        [type(None), FailedPreconditionError], key=str
    )
    assert len(await one.in_list(list_id)) == MAX_MEMBERS
    await one.members.add(ADA, list_id, 10)

    ids = [await one.make(BOB) for _ in range(2)]
    some = range(10, 8 + MAX_LISTS)
    assert await one.store.change_owned(BOB, sorted(ids), [*some, *sorted(ids)])
    # What was left by deletions that were cut off makes room.
    third = await one.make(BOB)
    assert await one.owned(BOB) == [third, *sorted(ids, reverse=True)]


async def test_too_many_lists(one: World) -> None:
    ids = await asyncio.gather(*(one.make(CYD) for _ in range(3)))
    await one.store.change_owned(CYD, sorted(ids), [])
    made = [
        UserList(each, CYD, "x", "", private=False, created_at_ms=0)
        for each in range(10, 10 + MAX_LISTS)
    ]
    await asyncio.gather(*map(one.store.add, made))
    await one.store.change_owned(CYD, [], [each.list_id for each in made])
    with pytest.raises(FailedPreconditionError):
        await one.make(CYD)
    await one.lists.delete(CYD, 10)
    assert len(await one.owned(CYD)) == MAX_LISTS - 1
    assert await one.make(CYD)


async def test_who_makes_room_and_who_makes_a_list_at_once(one: World, other: World) -> None:
    some = range(10, 8 + MAX_LISTS)
    made = [UserList(each, CYD, "x", "", private=False, created_at_ms=0) for each in some]
    await asyncio.gather(*map(one.store.add, made))
    await one.store.change_owned(CYD, [], [*some])
    add = one.store.add
    others: list[int] = []

    async def late_add(new: UserList) -> bool:
        # It is among the owner's, and not there yet, when others look for room.
        others.extend([await other.make(CYD), await other.make(CYD)])
        return await add(new)

    one.store.add = late_add  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        await one.make(CYD)
    assert await other.owned(CYD) == [*sorted(others, reverse=True), *reversed(some)]


async def test_a_page_of_lists_reads_no_more_than_it_shows(one: World) -> None:
    ids = [await one.make() for _ in range(30)]
    get, read = one.store.get, list[int]()

    async def counted(list_ids: Sequence[int]) -> dict[int, UserList]:
        read.append(len(list_ids))
        return await get(list_ids)

    one.store.get = counted  # type: ignore[method-assign]
    page = await one.lists.owned(ADA, None, 2)
    assert [each.list_id for each in page.lists] == ids[:-3:-1]
    assert sum(read) <= 2 + 1 + OVER_READ
    # Ids that were left behind are passed over.
    await one.store.change_owned(ADA, ids, [*ids, *range(ids[-1] + 1, ids[-1] + 40)])
    assert await one.owned(ADA, 7) == ids[::-1]
    page = await one.lists.owned(ADA, None, 4, after=ids[3])
    assert [each.list_id for each in page.lists] == ids[7:3:-1]
    assert (page.next_before, page.previous_after) == (ids[4], ids[7])


async def test_what_members_post_is_merged(one: World) -> None:
    list_id = await one.make(ADA, ADA, BOB, CYD)
    one.siblings.posted = {
        ADA: [*range(3_000, 3_005)],
        BOB: [*range(100, 400)],
        CYD: [*range(150, 200)],
        4: [5_000],
    }
    one.siblings.posted[CYD] = [each + 10_000 for each in range(5)]
    expected = sorted(
        (each for author in (ADA, BOB, CYD) for each in one.siblings.posted[author]), reverse=True
    )
    assert await one.timeline(list_id) == await one.timeline(list_id, 7) == expected
    one.siblings.sights.known[ADA, BOB] = Sight(muting=True)
    assert await one.timeline(list_id, 4) == [each for each in expected if each >= 3_000]
    assert await one.timeline(list_id, 100, reader=BOB) == expected
    newer = await one.timelines.page(BOB, list_id, None, 7, after=expected[-3])
    assert [each.tweet_id for each in newer.tweets] == expected[-10:-3]
    assert await one.timeline(await one.make()) == []


async def test_a_page_looks_as_far_back_as_it_must(one: World) -> None:
    members = range(10, 110)
    list_id = await one.make(ADA, *members)
    one.siblings.posted = {each: [each * 1_000 + at for at in range(500)] for each in members}
    one.siblings.calls = 0
    page = await one.timelines.page(ADA, list_id, None, 50)
    assert [each.tweet_id for each in page.tweets] == [109_499 - at for at in range(50)]
    assert one.siblings.calls == 3, "8, 32 and 59 of each: one of them has posted all"


async def test_deleted_users_leave_lists_and_theirs_are_gone(one: World, store: RowStore) -> None:
    own, others = await one.make(ADA, BOB), await one.make(BOB, ADA, CYD)
    one.siblings.gone.add(ADA)
    message = UserEvents().deleted(ADA, 1)
    for _ in range(2):
        await one.consumers.user_deleted(message)
    assert await one.in_list(others, reader=BOB) == [CYD]
    with pytest.raises(NotFoundError):
        await one.lists.get(BOB, own)
    with pytest.raises(NotFoundError):
        await one.members.add(BOB, others, ADA)
    with pytest.raises(NotFoundError):
        await one.make(ADA)
    key = b"%016x" % ADA
    for table in (LISTS_BY_OWNER, LISTS_WITH):
        assert await store.read_rows(table.name, [key]) == {}
    with pytest.raises(FailedPreconditionError):
        await one.consumers.user_deleted(UserEvents().deleted(BOB, 1))


async def test_who_is_deleted_while_they_are_added(one: World) -> None:
    list_id = await one.make(ADA, CYD)
    note = one.store.note_member

    async def late_note(member_id: int, about: int) -> None:
        await note(member_id, about)
        one.siblings.gone.add(member_id)
        await one.consumers.user_deleted(UserEvents().deleted(member_id, 1))

    one.store.note_member = late_note  # type: ignore[method-assign]
    with pytest.raises(NotFoundError):
        await one.members.add(ADA, list_id, BOB)
    assert await one.in_list(list_id) == [CYD]


async def test_pages_of_members_leave_out_deleted_users(one: World) -> None:
    list_id = await one.make(ADA, *range(10, 40))
    one.siblings.gone |= {*range(10, 30)}
    found: list[bytes] = []
    after: int | None = None
    while True:
        page = await one.members.page(BOB, list_id, after, 3)
        found += page.users
        after = page.next_after
        if after is None:
            break
        assert len(page.users) == 3
    assert found == [b"%d" % each for each in range(30, 40)]


async def test_what_is_wrong_is_refused(one: World) -> None:
    list_id = await one.make()
    for call in (
        one.lists.create(ADA, "", "", private=False),
        one.lists.create(ADA, "x" * 26, "", private=False),
        one.lists.create(ADA, "x", "y" * 101, private=False),
        one.lists.create(0, "x", "", private=False),
        one.lists.update(ADA, list_id),
        one.lists.update(ADA, list_id, name=" "),
        one.lists.get(ADA, 0),
        one.members.add(ADA, list_id, 0),
        one.members.remove(ADA, list_id, -1),
    ):
        with pytest.raises(InvalidArgumentError):
            await call
    assert await one.owned() == [list_id]
