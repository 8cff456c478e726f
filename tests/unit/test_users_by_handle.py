"""Many users by handle, as mentions name them."""

from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError
from tests.unit.user_world import user_world


async def test_each_who_has_one_of_the_handles_is_found_once(tmp_path: Path) -> None:
    async with user_world(tmp_path) as world:
        ada, bob = [await world.service.create(each, each) for each in ("Ada", "bob")]
        found = await world.service.lookup_by_handle(["BOB", "nobody", "ada", "bob"])
        assert [user.user_id for user in found] == [bob.user_id, ada.user_id]


async def test_a_handle_names_who_has_it_now(tmp_path: Path) -> None:
    async with user_world(tmp_path) as world:
        ada = await world.service.create("ada", "Ada")
        await world.service.update(ada.user_id, handle="countess")
        assert [
            user.user_id for user in await world.service.lookup_by_handle(["ada", "countess"])
        ] == [ada.user_id]
        assert await world.service.lookup_by_handle(["ada"]) == []
        await world.service.delete(ada.user_id)
        assert await world.service.lookup_by_handle(["countess"]) == []


async def test_what_can_be_nobodys_is_left_out(tmp_path: Path) -> None:
    async with user_world(tmp_path) as world:
        assert await world.service.lookup_by_handle(["x" * 20, "é", ""]) == []
        for many in ([], ["ada"] * 1_001):
            with pytest.raises(InvalidArgumentError, match="handles"):
                await world.service.lookup_by_handle(many)
