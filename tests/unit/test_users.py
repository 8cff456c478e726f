import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from services.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from services.storage.sqlite.rows import SqliteRowStore
from services.storage.users import TABLES, RowUserStore
from services.user.model import HandleClaim, User
from services.user.service import CLAIM_GRACE_MS, UserService


class MovableClock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


class CountingIds:
    def __init__(self) -> None:
        self._ids = count(1)

    async def next_id(self) -> int:
        return next(self._ids)


@dataclass
class World:
    service: UserService
    store: RowUserStore
    clock: MovableClock


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = MovableClock()
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    store = RowUserStore(rows)
    yield World(UserService(store, CountingIds(), clock), store, clock)
    await rows.close()


async def test_a_created_user_is_read_by_id_and_by_handle_in_any_case(world: World) -> None:
    made = await world.service.create("Ada_L", " Ada ")
    assert made == User(made.user_id, "Ada_L", "Ada", world.clock.ms)
    assert await world.service.get(made.user_id) == made
    assert await world.service.get_by_handle("aDA_l") == made


async def test_a_handle_is_taken_without_case(world: World) -> None:
    await world.service.create("ada", "Ada")
    world.clock.ms += 2 * CLAIM_GRACE_MS
    with pytest.raises(AlreadyExistsError) as caught:
        await world.service.create("ADA", "Other")
    assert caught.value.reason == "HANDLE_TAKEN"


async def test_of_concurrent_creations_one_wins(world: World) -> None:
    tries = [world.service.create(name, "Ada") for name in ("ada", "Ada", "aDa", "ADA") * 5]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    winners = [answer for answer in answers if isinstance(answer, User)]
    assert len(winners) == 1
    assert sum(isinstance(answer, AlreadyExistsError) for answer in answers) == len(tries) - 1
    assert await world.service.get_by_handle("ada") == winners[0]


async def test_a_claim_without_a_user_passes_on_after_a_minute(world: World) -> None:
    await world.store.replace_claim("ada", None, HandleClaim(900, world.clock.ms, settled=False))
    with pytest.raises(NotFoundError):
        await world.service.get_by_handle("ada")
    world.clock.ms += CLAIM_GRACE_MS - 1
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Ada")
    world.clock.ms += 1
    made = await world.service.create("ada", "Ada")
    assert await world.service.get_by_handle("ada") == made


async def test_a_creator_overtaken_while_it_slept_does_not_win(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = world.store.put
    others: list[User] = []

    async def put_late(user: User) -> None:
        monkeypatch.setattr(world.store, "put", put)
        world.clock.ms += CLAIM_GRACE_MS
        others.append(await world.service.create("ada", "Faster"))
        await put(user)

    monkeypatch.setattr(world.store, "put", put_late)
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Slower")
    assert await world.service.get_by_handle("ada") == others[0]
    found, missing = await world.service.lookup([1, 2])
    assert found == others
    assert missing == [1]


async def test_lookup_keeps_the_order_and_names_the_missing(world: World) -> None:
    one = await world.service.create("one", "One")
    two = await world.service.create("two", "Two")
    found, missing = await world.service.lookup([99, two.user_id, 98, one.user_id, 99])
    assert found == [two, one]
    assert missing == [99, 98]


@pytest.mark.parametrize("ids", [[], [0], [1, -1], [1] * 1001])
async def test_lookup_refuses_bad_ids(world: World, ids: list[int]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.service.lookup(ids)
    assert caught.value.field == "user_ids"


async def test_reading_nobody(world: World) -> None:
    with pytest.raises(NotFoundError, match="user 5 does not exist"):
        await world.service.get(5)
    with pytest.raises(NotFoundError, match="@nobody"):
        await world.service.get_by_handle("nobody")
    with pytest.raises(InvalidArgumentError):
        await world.service.get(0)
    with pytest.raises(InvalidArgumentError):
        await world.service.get_by_handle("no body")
