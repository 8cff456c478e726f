import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from services.platform.rows.port import RowMutation
from services.user.claims import CLAIM_GRACE_MS
from services.user.model import HandleClaim, User
from tests.unit.user_world import World, user_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with user_world(tmp_path) as world:
        yield world


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
    await world.store.replace_claim("ada", None, HandleClaim(900, world.clock.ms))
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
    add = world.store.add
    others: list[User] = []

    async def add_late(user: User) -> bool:
        monkeypatch.setattr(world.store, "add", add)
        world.clock.ms += CLAIM_GRACE_MS
        others.append(await world.service.create("ada", "Faster"))
        return await add(user)

    monkeypatch.setattr(world.store, "add", add_late)
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Slower")
    assert await world.service.get_by_handle("ada") == others[0]
    found, missing = await world.service.lookup([1, 2])
    assert found == others
    assert missing == [1]


async def test_a_row_and_a_claim_of_an_older_form_still_serve(world: World) -> None:
    body = b'{"handle":"Ada","display_name":"Ada","created_at_ms":5}'
    await world.rows.mutate(
        [
            RowMutation("users", b"%016x" % 900, {b"body": body}),
            RowMutation("handles", b"ada", {b"claim": b"[900,5,true]"}),
        ]
    )
    assert await world.service.get_by_handle("ada") == User(900, "Ada", "Ada", 5)
    await world.service.update(900, handle="bob")
    assert (await world.service.create("ada", "Other")).user_id != 900


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
