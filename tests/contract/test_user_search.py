"""Users are found by the beginning of their names, on both engines, whatever dies on the way."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowMutation, RowStore
from services.platform.runtime.clock import SystemClock
from services.user.events import UserEvents
from services.user.former_handles import FormerHandles
from services.user.model import ListedName, User
from services.user.name_index import MAX_BACKFILLED, MAX_SCANS, NAMES_PER_SCAN, NameIndex
from services.user.name_rows import RowNames
from services.user.service import UserService
from services.user.spec import NAMES, OUTBOX, TABLES
from services.user.store import RowUserStore
from tests.contract.row_engines import bigtable_emulator, open_rows
from tests.sights import NoProtection

__all__ = ["bigtable_emulator"]


class Ids:
    def __init__(self) -> None:
        self._numbers = count(1)

    async def next_id(self) -> int:
        return next(self._numbers)


class Names(RowNames):
    """Counts reads; removals fail where `fails`."""

    scans = 0
    fails = False
    at_removal: Callable[[], Awaitable[object]] | None = None
    """What others do before the next one."""

    async def names_from(
        self, prefix: str, after: bytes | None, limit: int
    ) -> Sequence[ListedName]:
        self.scans += 1
        return await super().names_from(prefix, after, limit)

    async def remove_marked(self, user_id: int, marks: Mapping[str, str]) -> None:
        await self._before_removal()
        await super().remove_marked(user_id, marks)

    async def remove_names(self, user_id: int, names: Collection[str]) -> None:
        await self._before_removal()
        await super().remove_names(user_id, names)

    async def _before_removal(self) -> None:
        if self.fails:
            raise UnavailableError("no answer")
        others, self.at_removal = self.at_removal, None
        if others is not None:
            await others()


async def nobody_hears(_user_id: int) -> None:
    pass


@dataclass
class World:
    rows: RowStore
    store: RowUserStore
    names: Names
    index: NameIndex
    users: UserService

    async def make(self, handle: str, name: str) -> int:
        return (await self.users.create(handle, name)).user_id

    async def found(self, query: str, limit: int = 50) -> list[int]:
        """All that is found, page by page."""
        ids: list[int] = []
        after: bytes | None = None
        while True:
            page = await self.index.search(query, after, limit)
            assert len(page.users) <= limit
            ids += [user.user_id for user in page.users]
            after = page.resume_after
            if after is None:
                return ids

    async def listed(self) -> list[str]:
        rows = await self.rows.scan(NAMES.name, b"", b"\xff", limit=1_000)
        return [row.key.decode() for row in rows]


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_rows(request, tmp_path, TABLES) as rows:
        clock = SystemClock()
        store = RowUserStore(rows, Outbox(rows, clock, OUTBOX))
        names = Names(rows)
        index = NameIndex(names, store)
        users = UserService(
            store,
            Ids(),
            UserEvents(),
            clock,
            nobody_hears,
            announce_changed=nobody_hears,
            former=FormerHandles(0),
            names=index,
            protection=NoProtection(),
        )
        yield World(rows, store, names, index, users)


async def test_handles_names_and_words_of_them_are_found(world: World) -> None:
    ada = await world.make("countess", "Ada Lovelace")
    adam = await world.make("first_man", "Adam")
    zoe = await world.make("zoe", "Zoë Ångström-Ada")
    for query, ids in {
        "ada": [zoe, ada, adam],
        "ADA": [zoe, ada, adam],
        "ada lov": [ada],
        "lovelace": [ada],
        "ovelace": [],
        "@countess": [ada],
        "man": [adam],
        "first_m": [adam],
        "First M": [adam],
        "zoe": [zoe],
        "ZOË ång": [zoe],
        "angstrom ada": [zoe],
        "ångström-a": [zoe],
        "nobody": [],
    }.items():
        assert await world.found(query) == ids, query


async def test_an_exact_name_comes_before_longer_ones(world: World) -> None:
    two_words = await world.make("robert", "Bob A")
    longer = [await world.make(f"bob{place}", "x") for place in range(3)]
    exact = await world.make("bob", "y")
    assert await world.found("bob") == [exact, two_words, *longer]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_pages_have_each_user_once(world: World, limit: int) -> None:
    # Each is found by the handle, the name, and two words of it.
    users = [await world.make(f"kim{place}", f"Kim {place} Kimberly") for place in range(7)]
    other = await world.make("other", "Kimono")
    assert sorted(await world.found("kim", limit)) == sorted([*users, other])
    assert await world.found("kim", limit) == await world.found("kim")


async def test_who_has_another_name_is_found_by_that_alone(world: World) -> None:
    ada = await world.make("ada", "Ada Byron")
    await world.users.update(ada, display_name="Ada Lovelace")
    assert (await world.found("byron"), await world.found("lovelace")) == ([], [ada])
    assert await world.listed() == [
        f"{name} #{ada:016x}" for name in ("ada", "ada lovelace", "lovelace")
    ]
    await world.users.update(ada, handle="countess", display_name="Ada Byron")
    await world.users.update(ada, bio="of no account")
    assert (await world.found("byron"), await world.found("countess")) == ([ada], [ada])
    assert await world.found("lovelace") == []


async def test_what_is_left_in_the_list_is_passed_over(world: World) -> None:
    ada, bob = await world.make("ada", "Kim"), await world.make("bob", "Kim")
    world.names.fails = True
    await world.users.update(ada, display_name="Ada")
    assert f"kim #{ada:016x}" in await world.listed()
    for limit in (1, 50):
        assert await world.found("kim", limit) == [bob]
    # A user who is about to be, and is not.
    await world.names.put_names(9, ["kim"], "0")
    assert await world.found("kim") == [bob]


async def test_a_name_that_is_taken_again_meanwhile_stays(world: World) -> None:
    ada = await world.make("ada", "Kim")
    before, after = User(ada, "ada", "Kim", 1), User(ada, "ada", "Ada", 1)
    left = await world.index.change(before, after, 1)
    assert left
    # Others change it to that and back before this one takes out what it left.
    await world.users.update(ada, display_name="Ada")
    await world.users.update(ada, display_name="Kim")
    await world.index.unlist(after, left)
    assert await world.found("kim") == [ada]


async def test_a_deleted_user_leaves_no_name(world: World) -> None:
    ada = await world.make("ada", "Ada Lovelace")
    world.names.fails = True
    with pytest.raises(UnavailableError):
        await world.users.delete(ada)
    world.names.fails = False
    await world.users.delete(ada)
    assert (await world.found("ada"), await world.listed()) == ([], [])


async def test_a_name_that_is_changed_during_a_deletion_is_taken_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await world.make("ada", "Kim"), await world.make("bob", "Kim")
    # A change that is made when the deletion has read the user,
    world.names.at_removal = lambda: world.users.update(ada, display_name="Ada Lovelace")
    await world.users.delete(ada)
    assert {key.partition(" #")[0] for key in await world.listed()} == {"bob", "kim"}
    # and one that is made when it has looked again, and is not over before the user is gone.
    gone = world.store.delete

    async def delete(user_id: int, at_ms: int, event: bytes) -> None:
        world.names.at_removal = lambda: gone(user_id, at_ms, event)
        await world.users.update(bob, display_name="Bob Dylan")

    monkeypatch.setattr(world.store, "delete", delete)
    await world.users.delete(bob)
    assert await world.listed() == []


async def test_a_sign_up_that_is_slower_than_a_deletion_lists_no_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = world.names.put_names

    async def put_late(user_id: int, names: Collection[str], mark: str) -> None:
        monkeypatch.undo()
        # Its repeat is faster, and then the user is gone.
        assert (await world.users.create("ada", "Ada", request_id="r")).user_id == user_id
        await world.users.delete(user_id)
        await put(user_id, names, mark)

    monkeypatch.setattr(world.names, "put_names", put_late)
    await world.users.create("ada", "Ada", request_id="r")
    assert await world.listed() == []


async def test_work_is_bounded_where_many_have_given_up_a_name(world: World) -> None:
    ada = await world.make("ada", "kimono")
    rows = [
        RowMutation(NAMES.name, b"kim #%016x" % number, {b"mark": b"0"})
        for number in range(1_000, 3_000)
    ]
    await world.rows.mutate([*rows, RowMutation(NAMES.name, b"kim #nobody", {b"mark": b"0"})])
    page = await world.index.search("kim", None, 10)
    assert (page.users, page.resume_after is None) == ((), False)
    assert world.names.scans == MAX_SCANS
    assert await world.found("kim", 10) == [ada]
    assert world.names.scans <= 2_100 // NAMES_PER_SCAN * 2


@pytest.mark.parametrize("limit", [1, 3, MAX_BACKFILLED])
async def test_users_of_before_are_listed_once(world: World, limit: int) -> None:
    users = [await world.make(f"kim{place}", "Kim") for place in range(5)]
    gone = users.pop(1)
    await world.users.delete(gone)
    listed = await world.listed()
    await world.names.remove_names(users[0], ["kim", "kim0"])
    assert await world.found("kim0") == []
    for _ in range(2):
        found, after = 0, 0
        while True:
            part = await world.index.backfill(after, limit)
            found += part.users
            if part.resume_after is None:
                break
            after = part.resume_after
        assert (found, await world.listed()) == (len(users), listed)
    for bad in (0, -1, MAX_BACKFILLED + 1):
        with pytest.raises(InvalidArgumentError, match="limit"):
            await world.index.backfill(0, bad)


@pytest.mark.parametrize("query", ["", " ", "!?", "@", "\u0301" * 51, "x" * 51, "\U0001f98a"])
async def test_what_begins_no_name_is_refused(world: World, query: str) -> None:
    with pytest.raises(InvalidArgumentError, match="query"):
        await world.index.search(query, None, 10)
