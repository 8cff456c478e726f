import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from services.platform.errors import (
    AlreadyExistsError,
    AviaryError,
    InvalidArgumentError,
    NotFoundError,
)
from services.user.claims import CLAIM_GRACE_MS, HandleClaims
from services.user.model import Account, User
from services.user.service import UserService
from tests.unit.user_world import CrashError, World, user_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with user_world(tmp_path) as world:
        yield world


async def free(service: UserService, handle: str) -> bool:
    try:
        await service.get_by_handle(handle)
    except NotFoundError:
        return True
    return False


async def test_what_is_not_given_stays(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    named = await world.service.update(made.user_id, display_name=" Ada L ")
    assert named == User(made.user_id, "ada", "Ada L", made.created_at_ms)
    moved = await world.service.update(made.user_id, handle="Bob")
    assert moved == User(made.user_id, "Bob", "Ada L", made.created_at_ms)
    both = await world.service.update(made.user_id, handle="cat", display_name="Cat")
    assert both == await world.service.get(made.user_id)
    assert both == await world.service.get_by_handle("CAT")


async def test_an_old_handle_is_free_at_once(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    await world.service.update(made.user_id, handle="bob")
    assert await free(world.service, "ada")
    other = await world.service.create("ada", "Other")
    assert await world.service.get_by_handle("ada") == other
    with pytest.raises(AlreadyExistsError) as caught:
        await world.service.update(made.user_id, handle="ADA")
    assert caught.value.reason == "HANDLE_TAKEN"
    assert (await world.service.get_by_handle("bob")).user_id == made.user_id


async def test_the_case_of_ones_own_handle_changes(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    assert (await world.service.update(made.user_id, handle="ADA")).handle == "ADA"
    assert (await world.service.get_by_handle("ada")).handle == "ADA"
    world.clock.ms += 2 * CLAIM_GRACE_MS
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Other")


async def test_a_handle_may_change_back_and_forth(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    for handle in ("bob", "ada", "bob", "ada"):
        await world.service.update(made.user_id, handle=handle)
        world.clock.ms += CLAIM_GRACE_MS
    with pytest.raises(AlreadyExistsError):
        await world.service.create("ada", "Other")
    await world.service.create("bob", "Other")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("handle", {}),
        ("handle", {"handle": ""}),
        ("handle", {"handle": "a b"}),
        ("display_name", {"display_name": ""}),
        ("display_name", {"handle": "bob", "display_name": " "}),
        ("request_id", {"handle": "bob", "request_id": "r" * 65}),
        ("user_id", {"user_id": 0, "handle": "bob"}),
    ],
)
async def test_a_bad_field_is_named_and_nothing_changes(
    world: World, field: str, wrong: dict[str, Any]
) -> None:
    made = await world.service.create("ada", "Ada")
    with pytest.raises(InvalidArgumentError) as caught:
        await world.service.update(**{"user_id": made.user_id, **wrong})
    assert caught.value.field == field
    assert await world.service.get(made.user_id) == made
    await world.service.create("bob", "Bob")


async def test_updating_nobody(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.service.update(5, handle="bob", request_id="r")
    await world.service.create("bob", "Bob")


STEPS = [(at, after) for at in range(1, 6) for after in (False, True)]


@pytest.mark.parametrize(("at", "after"), STEPS)
async def test_a_crash_anywhere_leaves_one_handle_and_loses_none(
    world: World, at: int, *, after: bool
) -> None:
    made = await world.service.create("ada", "Ada")
    world.clock.ms += CLAIM_GRACE_MS
    dying, rows = world.dying(at, after=after)
    try:
        await dying.update(made.user_id, handle="bob", display_name="Bob", request_id="r")
    except CrashError:
        pass
    else:
        assert at == STEPS[-1][0], "as many steps as writes, and one too many"
        assert not rows.crashed
    user = await world.service.get(made.user_id)
    assert (user.handle, user.display_name) in {("ada", "Ada"), ("bob", "Bob")}
    assert await world.service.get_by_handle(user.handle) == user
    (other,) = {"ada", "bob"} - {user.handle}
    assert await free(world.service, other)
    world.clock.ms += CLAIM_GRACE_MS
    with pytest.raises(AlreadyExistsError):
        await world.service.create(user.handle, "Thief")
    made_too = await world.service.create(other, "Other")
    assert await world.service.get_by_handle(other) == made_too
    assert await world.service.get_by_handle(user.handle) == user


@pytest.mark.parametrize(("at", "after"), STEPS)
async def test_a_repeat_after_a_crash_gives_the_first_answer_or_makes_the_change(
    world: World, at: int, *, after: bool
) -> None:
    made = await world.service.create("ada", "Ada")
    dying, rows = world.dying(at, after=after)
    try:
        await dying.update(made.user_id, handle="bob", request_id="r")
    except CrashError:
        assert rows.crashed
    was_made = (await world.service.get(made.user_id)).handle == "bob"
    await world.service.update(made.user_id, handle="cat")
    repeat = await world.service.update(made.user_id, handle="bob", request_id="r")
    assert repeat == User(made.user_id, "bob", "Ada", made.created_at_ms)
    now = await world.service.get(made.user_id)
    assert now.handle == ("cat" if was_made else "bob")
    assert await world.service.get_by_handle(now.handle) == now


async def test_a_repeat_writes_nothing_although_its_answer_was_not_kept(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    dying, _ = world.dying(4, after=True)
    with pytest.raises(CrashError):
        await dying.update(made.user_id, handle="bob", request_id="r")
    written = await world.store.find(made.user_id)
    await world.service.update(made.user_id, handle="bob", request_id="r")
    assert await world.store.find(made.user_id) == written


async def test_a_renewed_claim_is_another_even_within_a_millisecond(world: World) -> None:
    claims = HandleClaims(world.store, world.clock)
    first, second = [await claims.take("ada", 1) for _ in range(2)]
    await claims.release({"ada": first})
    assert await world.store.get_claim("ada") == second
    await claims.release({"ada": second})
    assert await world.store.get_claim("ada") is None


async def test_an_updater_overtaken_while_it_slept_does_not_win(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.service.create("ada", "Ada")
    swap = world.store.replace
    others: list[User] = []

    async def replace_late(before: Account, after: Account) -> bool:
        monkeypatch.setattr(world.store, "replace", swap)
        world.clock.ms += CLAIM_GRACE_MS
        others.append(await world.service.create("bob", "Faster"))
        return await swap(before, after)

    monkeypatch.setattr(world.store, "replace", replace_late)
    with pytest.raises(AlreadyExistsError):
        await world.service.update(made.user_id, handle="bob")
    assert await world.service.get_by_handle("bob") == others[0]
    assert await world.service.get_by_handle("ada") == made


async def test_concurrent_updates_come_one_after_the_other(world: World) -> None:
    made = await world.service.create("ada", "Ada")
    names = [f"h{number}" for number in range(8)]
    answers = await asyncio.gather(
        *(
            world.service.update(made.user_id, handle=name, display_name=name.upper())
            for name in names
        )
    )
    assert [answer.display_name for answer in answers] == [name.upper() for name in names]
    last = await world.service.get(made.user_id)
    assert last in answers
    assert await world.service.get_by_handle(last.handle) == last
    world.clock.ms += CLAIM_GRACE_MS
    for name in {"ada", *names} - {last.handle}:
        await world.service.create(name, "Next")


LIFE_STEPS = 60  # enough for most to crash first


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_at_once_no_handle_is_shared_or_lost(
    world: World, seed: int
) -> None:
    """Crashes, and a minute passing at any moment, so that claims in use are taken for dead."""
    chance = random.Random(seed)  # noqa: S311 - a seeded walk
    handles = ["ada", "bob", "cat", "dan", "eve"]
    people = count()

    async def life() -> None:
        number = next(people)
        service, rows = world.dying(chance.randint(20, 60), after=chance.random() < 0.5)
        user: User | None = None
        for _ in range(LIFE_STEPS):
            if rows.crashed:
                return
            world.clock.ms += chance.choice([0, 1, CLAIM_GRACE_MS])
            handle = chance.choice(handles)
            try:
                if user is None:
                    user = await service.create(handle, f"{number}")
                elif chance.random() < 0.1:
                    await service.delete(user.user_id)
                    user = None
                else:
                    user = await service.update(user.user_id, handle=handle)
                    assert user.handle == handle
            except (AviaryError, CrashError):
                continue

    await asyncio.gather(*(life() for _ in range(6)))
    used = await world.ids.next_id()
    found, _ = await world.service.lookup(range(1, used))
    assert len({user.handle for user in found}) == len(found)
    for user in found:
        assert await world.service.get_by_handle(user.handle) == user
    world.clock.ms += 2 * CLAIM_GRACE_MS
    for handle in set(handles) - {user.handle for user in found}:
        assert await free(world.service, handle)
        await world.service.create(handle, "Heir")


async def test_an_update_of_a_deleted_user_under_way_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.service.create("ada", "Ada")
    swap = world.store.replace

    async def replace_late(before: Account, after: Account) -> bool:
        await world.service.delete(made.user_id)
        return await swap(before, after)

    monkeypatch.setattr(world.store, "replace", replace_late)
    with pytest.raises(NotFoundError):
        await world.service.update(made.user_id, handle="bob")
    world.clock.ms += CLAIM_GRACE_MS
    taking: list[Awaitable[User]] = [
        world.service.create(handle, "Next") for handle in ("ada", "bob")
    ]
    assert len(await asyncio.gather(*taking)) == 2


async def test_reserved_handle_is_kept_by_who_had_it_and_taken_by_nobody(world: World) -> None:
    for handle in ("admin", "Support_"):
        with pytest.raises(InvalidArgumentError) as caught:
            await world.service.create(handle, "A")
        assert caught.value.reason == "HANDLE_RESERVED"
    made = await world.service.create("ada", "Ada")
    with pytest.raises(InvalidArgumentError) as caught:
        await world.service.update(made.user_id, handle="_root", display_name="Root")
    assert caught.value.reason == "HANDLE_RESERVED"
    assert await world.service.get(made.user_id) == made
    # Of before the rule.
    claims = HandleClaims(world.store, world.clock)
    await claims.take("admin", 77)
    assert await world.store.add(User(77, "admin", "A", 1))
    assert (await world.service.update(77, handle="Admin", display_name="B")).handle == "Admin"
    assert (await world.service.get_by_handle("admin")).user_id == 77
