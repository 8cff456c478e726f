"""Handles that users gave up: held for them for a time, and for nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation
from services.user.claims import CLAIM_GRACE_MS
from services.user.former_handles import MAX_FORMER_HANDLES
from services.user.service import UserService
from tests.unit.user_world import World, user_world

DAYS = 30
DAY_MS = 86_400_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with user_world(tmp_path) as world:
        yield world


@pytest.fixture
def service(world: World) -> UserService:
    return world.holding(DAYS)


async def assert_taken(service: UserService, handle: str) -> None:
    with pytest.raises(AlreadyExistsError) as caught:
        await service.create(handle, "Thief")
    assert caught.value.reason == "HANDLE_TAKEN"


async def test_nobody_else_can_take_a_handle_that_was_given_up(
    world: World, service: UserService
) -> None:
    ada, bob = await service.create("Ada", "Ada"), await service.create("bob", "Bob")
    await service.update(ada.user_id, handle="countess")
    with pytest.raises(NotFoundError):
        await service.get_by_handle("ada")
    for passed_ms in (0, CLAIM_GRACE_MS, DAYS * DAY_MS - CLAIM_GRACE_MS - 1):
        world.clock.ms += passed_ms
        await assert_taken(service, "ADA")
        with pytest.raises(AlreadyExistsError):
            await service.update(bob.user_id, handle="ada")
    world.clock.ms += 1
    heir = await service.create("ada", "Heir")
    assert await service.get_by_handle("ada") == heir
    with pytest.raises(AlreadyExistsError):
        await service.update(ada.user_id, handle="ada")


async def test_its_former_owner_may_go_back(world: World, service: UserService) -> None:
    ada = await service.create("ada", "Ada")
    await service.update(ada.user_id, handle="countess")
    world.clock.ms += DAYS * DAY_MS // 2
    back = await service.update(ada.user_id, handle="Ada")
    assert await service.get_by_handle("ada") == back
    await assert_taken(service, "countess")
    world.clock.ms += DAYS * DAY_MS
    await assert_taken(service, "ada")
    await service.create("countess", "Heir")


async def test_only_the_last_few_are_held(service: UserService) -> None:
    ada = await service.create("h0", "Ada")
    for number in range(1, MAX_FORMER_HANDLES + 2):
        await service.update(ada.user_id, handle=f"h{number}")
    assert (await service.create("h0", "Heir")).handle == "h0"
    for number in range(1, MAX_FORMER_HANDLES + 2):
        await assert_taken(service, f"h{number}")


async def test_a_change_of_another_kind_keeps_what_is_held(service: UserService) -> None:
    ada = await service.create("ada", "Ada")
    await service.update(ada.user_id, handle="countess")
    await service.update(ada.user_id, handle="COUNTESS", bio="Programs engines.")
    await service.update(ada.user_id, display_name="Ada L")
    await assert_taken(service, "ada")


async def test_handles_of_a_deleted_user_are_free(service: UserService) -> None:
    ada = await service.create("ada", "Ada")
    await service.update(ada.user_id, handle="countess")
    await service.delete(ada.user_id)
    for handle in ("ada", "countess"):
        await service.create(handle, "Heir")


async def test_a_held_handle_may_have_become_reserved(world: World, service: UserService) -> None:
    ada = await service.create("ada", "Ada")
    body = b'{"handle":"Support","display_name":"Ada","created_at_ms":5}'
    await world.rows.mutate([RowMutation("users", user_row_key(ada.user_id), {b"body": body})])
    await service.update(ada.user_id, handle="bob")
    await service.update(ada.user_id, handle="support")
    with pytest.raises(InvalidArgumentError):
        await service.update(ada.user_id, handle="admin")


STEPS = [(at, after) for at in range(1, 6) for after in (False, True)]


@pytest.mark.parametrize(("at", "after"), STEPS)
async def test_a_crash_anywhere_holds_what_was_given_up(
    world: World, service: UserService, at: int, *, after: bool
) -> None:
    ada = await service.create("ada", "Ada")
    dying, rows = world.dying(at, after=after, days=DAYS)
    outcome = await asyncio.gather(
        dying.update(ada.user_id, handle="bob", request_id="r"), return_exceptions=True
    )
    assert rows.crashed or not isinstance(outcome[0], BaseException)
    world.clock.ms += CLAIM_GRACE_MS
    has_changed = (await service.get(ada.user_id)).handle == "bob"
    await assert_taken(service, "ada")
    if has_changed:
        await assert_taken(service, "bob")
    else:
        await service.create("bob", "Bob")


async def test_what_is_empty_is_not_in_the_row(world: World, service: UserService) -> None:
    ada = await service.create("ada", "Ada")
    await service.update(ada.user_id, handle="countess", bio="Programs engines.")
    account = await world.store.find(ada.user_id)
    assert account is not None
    assert [each.canonical for each in account.former] == ["ada"]
    assert (await service.update(ada.user_id, bio="")).bio == ""
    assert (
        b"bio"
        not in (await world.rows.read_rows("users", [user_row_key(ada.user_id)]))[
            user_row_key(ada.user_id)
        ].cells[b"body"]
    )
