"""Protecting an account: what fails half way hides too much, and never shows too much."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import AlreadyExistsError, UnavailableError
from tests.unit.user_world import CrashError, World, user_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with user_world(tmp_path) as world:
        yield world


async def test_readers_are_kept_out_before_the_account_says_so(world: World) -> None:
    ada = (await world.service.create("ada", "Ada")).user_id
    world.protection.fails = True
    with pytest.raises(UnavailableError):
        await world.service.update(ada, protected=True, display_name="Other")
    assert await world.service.get(ada) == await world.service.get_by_handle("ada")
    assert not (await world.service.get(ada)).protected
    world.protection.fails = False
    assert (await world.service.update(ada, protected=True)).protected
    (first, *others), account = world.protection.told, await world.store.find(ada)
    assert account is not None
    assert first == (ada, account.revision, True)
    assert set(others) <= {first}
    assert (await world.service.update(ada, bio="still")).protected


async def test_they_are_let_in_after_it(world: World) -> None:
    ada = (await world.service.create("ada", "Ada")).user_id
    await world.service.update(ada, protected=True)
    world.protection.told.clear()
    world.protection.fails = True
    with pytest.raises(UnavailableError):
        await world.service.update(ada, protected=False, request_id="open")
    assert not (await world.service.get(ada)).protected
    world.protection.fails = False
    assert not (await world.service.update(ada, protected=False, request_id="open")).protected
    account = await world.store.find(ada)
    assert account is not None
    assert world.protection.told == [(ada, account.revision, False)]


async def test_a_change_that_is_refused_protects_nobody(world: World) -> None:
    """It would hide all tweets of an account that says that it is open."""
    ada = (await world.service.create("ada", "Ada")).user_id
    await world.service.create("bob", "Bob")
    with pytest.raises(AlreadyExistsError):
        await world.service.update(ada, handle="bob", protected=True)
    assert world.protection.told == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("protected", [False, True])
async def test_a_repeat_after_a_crash_finishes_it(
    world: World, *, after: bool, protected: bool
) -> None:
    ada = (await world.service.create("ada", "Ada")).user_id
    await world.service.update(ada, protected=not protected)
    for at in range(1, 9):
        dying, rows = world.dying(at, after=after)
        try:
            await dying.update(ada, protected=protected, request_id="once")
        except CrashError:
            # Whatever it came to: who may not see them sees no tweets of a protected account.
            told = [each[2] for each in sorted(world.protection.told)]
            assert told[-1] or not (await world.service.get(ada)).protected
        if not rows.crashed:
            break
    assert (await world.service.update(ada, protected=protected, request_id="once")).user_id == ada
    account = await world.store.find(ada)
    assert account is not None
    assert account.user.protected == protected
    assert max(world.protection.told) == (ada, account.revision, protected)
