"""Deleted users, and repeats of all that changes a user."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from services.platform.rows.port import RowMutation
from services.user.claims import CLAIM_GRACE_MS
from services.user.events import UserDeleted
from services.user.model import User
from tests.unit.user_world import CrashError, World, user_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with user_world(tmp_path) as world:
        yield world


async def assert_gone(world: World, user_id: int, handle: str) -> None:
    with pytest.raises(NotFoundError):
        await world.service.get(user_id)
    with pytest.raises(NotFoundError):
        await world.service.get_by_handle(handle)
    with pytest.raises(NotFoundError):
        await world.service.update(user_id, display_name="Back")
    assert await world.service.lookup([user_id]) == ([], [user_id])


async def cells_of(world: World, user_id: int) -> bytes:
    key = b"%016x" % user_id
    return b"".join((await world.rows.read_rows("users", [key]))[key].cells.values())


async def test_a_deleted_user_is_unknown_and_announced_and_the_handle_free(world: World) -> None:
    made = await world.service.create("ada", "Ada Secret")
    await world.service.delete(made.user_id)
    await assert_gone(world, made.user_id, "ada")
    with pytest.raises(NotFoundError):
        await world.service.delete(made.user_id)
    assert await world.events() == [UserDeleted(made.user_id, world.clock.ms)]
    cells = await cells_of(world, made.user_id)
    assert b"ada" not in cells.lower()
    other = await world.service.create("Ada", "Other")
    assert other.user_id != made.user_id
    assert await world.service.get_by_handle("ada") == other


async def test_who_keeps_users_hears_of_a_deletion_once_it_is_durable(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    await world.service.delete(made.user_id, request_id="r")
    assert world.gone.announced == [made.user_id]
    # The first try may have died before it came so far.
    await world.service.delete(made.user_id, request_id="r")
    assert world.gone.announced == [made.user_id] * 2


async def test_a_deletion_that_cannot_be_announced_is_made(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    world.gone.fails = True
    await world.service.delete(made.user_id)
    await assert_gone(world, made.user_id, "ada")


async def test_deleting_nobody(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.service.delete(5, request_id="r")
    for user_id, request_id, field in ((0, "", "user_id"), (5, "é", "request_id")):
        with pytest.raises(InvalidArgumentError) as caught:
            await world.service.delete(user_id, request_id=request_id)
        assert caught.value.field == field
    assert await world.events() == []


async def test_names_are_forgotten_even_if_written_by_a_clock_ahead(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    world.clock.ms += 600_000
    await world.service.update(made.user_id, display_name="Ada Secret")
    world.clock.ms -= 600_000
    await world.service.delete(made.user_id)
    await assert_gone(world, made.user_id, "ada")
    assert b"Secret" not in await cells_of(world, made.user_id)


async def test_a_late_write_of_the_row_brings_nobody_back(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    await world.service.delete(made.user_id)
    assert not await world.store.add(made)
    key = b"%016x" % made.user_id
    await world.rows.mutate([RowMutation("users", key, {b"body": b"{}"})])
    await assert_gone(world, made.user_id, "ada")


@pytest.mark.parametrize(("at", "after"), [(at, after) for at in (1, 2, 3) for after in (0, 1)])
async def test_a_deletion_that_died_is_whole_or_not_at_all(
    world: World, at: int, after: int
) -> None:
    made = await world.service.create("ada", "Ada")
    dying, _ = world.dying(at, after=bool(after))
    with pytest.raises(CrashError):
        await dying.delete(made.user_id, request_id="r")
    announced = [event.user_id for event in await world.events()]
    found, _ = await world.service.lookup([made.user_id])
    assert announced == ([] if found else [made.user_id])
    await world.service.delete(made.user_id, request_id="r")
    await assert_gone(world, made.user_id, "ada")
    assert {event.user_id for event in await world.events()} == {made.user_id}
    world.clock.ms += CLAIM_GRACE_MS
    await world.service.create("ada", "Other")


async def test_a_claim_dated_ahead_by_a_wrong_clock_is_abandoned_like_others(
    world: World,
) -> None:
    dying, _ = world.dying(2, after=False)
    with pytest.raises(CrashError):
        await dying.create("ada", "Ada")
    world.clock.ms -= 3_600_000
    await world.service.create("ada", "Other")


async def test_one_request_id_makes_one_user_even_at_once(world: World) -> None:
    made = await asyncio.gather(
        *(world.service.create("Ada", "Ada", request_id="r") for _ in range(10))
    )
    again = await world.service.create("Ada", "Ada", request_id="r")
    assert set(made) == {again}
    assert await world.service.get_by_handle("ada") == again
    found, _ = await world.service.lookup(range(1, 20))
    assert found == [again]
    # Another handle is another scope.
    other = await world.service.create("bob", "Bob", request_id="r")
    assert other.user_id != again.user_id


async def test_a_repeated_creation_gives_the_first_answer_whatever_came_after(
    world: World,
) -> None:
    first = await world.service.create("ada", "Ada", request_id="r")
    await world.service.update(first.user_id, handle="bob")
    world.clock.ms += CLAIM_GRACE_MS
    assert await world.service.create("ada", "Ada", request_id="r") == first
    assert (await world.service.get(first.user_id)).handle == "bob"
    await world.service.delete(first.user_id)
    assert await world.service.create("ada", "Ada", request_id="r") == first
    await assert_gone(world, first.user_id, "ada")
    other = await world.service.create("ada", "Other")
    assert await world.service.create("ada", "Ada", request_id="r") == first
    assert await world.service.get_by_handle("ada") == other


@pytest.mark.parametrize(("at", "after"), [(at, after) for at in (1, 2, 3) for after in (0, 1)])
async def test_a_repeat_finishes_a_creation_that_died(world: World, at: int, after: int) -> None:
    dying, _ = world.dying(at, after=bool(after))
    with pytest.raises(CrashError):
        await dying.create("ada", "Ada", request_id="r")
    made = await world.service.create("ada", "Ada", request_id="r")
    assert await world.service.get_by_handle("ada") == made
    found, _ = await world.service.lookup(range(1, 20))
    assert found == [made]


async def test_a_creation_taken_for_dead_stays_dead(world: World) -> None:
    dying, _ = world.dying(2, after=True)
    with pytest.raises(CrashError):
        await dying.create("ada", "Ada", request_id="r")
    world.clock.ms += CLAIM_GRACE_MS
    other = await world.service.create("ada", "Other")
    for _ in range(2):
        with pytest.raises(AlreadyExistsError) as caught:
            await world.service.create("ada", "Ada", request_id="r")
        assert caught.value.reason == "HANDLE_TAKEN"
    assert await world.service.get_by_handle("ada") == other
    await world.service.delete(other.user_id)
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Ada", request_id="r")
    # It did not keep the handle either.
    await world.service.create("ada", "Third")


async def test_one_request_id_updates_once_even_at_once(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    wanted = User(made.user_id, "bob", "Ada", made.created_at_ms)
    answers = await asyncio.gather(
        *(world.service.update(made.user_id, handle="bob", request_id="r") for _ in range(8))
    )
    assert set(answers) == {wanted}
    await world.service.update(made.user_id, handle="cat", display_name="Cat", request_id="s")
    assert await world.service.update(made.user_id, handle="bob", request_id="r") == wanted
    assert (await world.service.get(made.user_id)).handle == "cat"
    await world.service.delete(made.user_id)
    assert await world.service.update(made.user_id, handle="bob", request_id="r") == wanted


async def test_a_repeated_deletion_succeeds_and_is_announced_once(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    await world.service.delete(made.user_id, request_id="r")
    await world.service.delete(made.user_id, request_id="r")
    with pytest.raises(NotFoundError):
        await world.service.delete(made.user_id, request_id="s")
    assert len(await world.events()) == 1


async def test_a_request_id_is_refused_for_other_content(world: World) -> None:
    made = await world.service.create("ada", "Ada", request_id="r")
    await world.service.update(made.user_id, display_name="Bob", request_id="r")
    for call in (
        world.service.create("ada", "Other", request_id="r"),
        world.service.create("ADA", "Ada", request_id="r"),
        world.service.update(made.user_id, display_name="Cat", request_id="r"),
        world.service.update(made.user_id, handle="Bob", request_id="r"),
        world.service.delete(made.user_id, request_id="r"),
    ):
        with pytest.raises(AlreadyExistsError) as caught:
            await call
        assert caught.value.reason == "REQUEST_ID_REUSED"
    assert (await world.service.get(made.user_id)).display_name == "Bob"
