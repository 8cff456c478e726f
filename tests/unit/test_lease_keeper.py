"""A process keeps its lease while it runs, and gives it back."""

import pytest

from services.platform.errors import (
    AviaryError,
    UnavailableError,
)
from services.platform.ids.model import LEASE_TERM_MS, Lease
from services.platform.leasing.lease_keeper import LeaseKeeper
from tests.unit.id_parts import decompose
from tests.unit.lease_world import NOW, World, until


@pytest.fixture
def world() -> World:
    return World()


async def test_keeper_renews_soon_after_the_clock_was_set_ahead(world: World) -> None:
    keeper = LeaseKeeper(world.leases, world.ids, "me", renew_every_s=600, retry_every_s=0.001)
    await keeper.start()
    before = await world.ids.next_id()
    world.clock.ms += 3_600_000
    assert not world.ids.is_able()
    await until(world.ids.is_able)
    assert await world.ids.next_id() > before
    await keeper.stop()


async def test_keeper_goes_on_under_a_clock_that_went_back(world: World) -> None:
    keeper = world.keeper()
    await keeper.start()
    first = keeper.lease
    assert first is not None
    world.clock.ms = first.expires_at_ms - 1
    before = await world.ids.next_id()
    world.clock.ms -= 3_600_000
    await until(lambda: world.ids.window_left_ms == LEASE_TERM_MS)
    assert await world.ids.next_id() > before
    assert world.ids.is_able()
    await keeper.stop()


async def test_keeper_renews_and_releases(world: World) -> None:
    keeper = world.keeper()
    await keeper.start()
    first = keeper.lease
    assert first is not None
    made = decompose(await world.ids.next_id())
    assert made.worker == first.worker
    world.clock.ms += 1000
    await until(lambda: keeper.lease is not None and keeper.lease.expires_at_ms > NOW + 60_000)
    await keeper.stop()
    assert (await world.store.get([first.worker]))[first.worker] == Lease(
        first.worker, "", 0, made.timestamp_ms + 1
    )
    with pytest.raises(UnavailableError):
        await world.ids.next_id()


async def test_keeper_replaces_a_lost_lease(world: World) -> None:
    keeper = world.keeper()
    await keeper.start()
    first = keeper.lease
    assert first is not None
    before = await world.ids.next_id()
    world.rows.cells[f"{first.worker:03x}".encode()] = b'[1,%d,"thief"]' % (NOW + 600_000)
    await until(
        lambda: (
            keeper.lease not in {None, first}
            and keeper.lease is not None
            and keeper.lease.worker != first.worker
        )
    )
    world.clock.ms += 1
    assert await world.ids.next_id() > before
    await keeper.stop()


async def test_keeper_outlives_an_outage(world: World) -> None:
    world.rows.down = True
    keeper = world.keeper()
    await keeper.start()
    with pytest.raises(AviaryError):
        await world.ids.next_id()
    world.rows.down = False
    await until(lambda: keeper.lease is not None)
    await world.ids.next_id()
    world.rows.down = True
    world.clock.ms += LEASE_TERM_MS * 2
    with pytest.raises(UnavailableError, match="expired"):
        await world.ids.next_id()
    world.rows.down = False
    await until(lambda: keeper.lease is not None and keeper.lease.expires_at_ms > world.clock.ms)
    await world.ids.next_id()
    await keeper.stop()


async def test_keeper_that_starts_before_its_source_asks_again_soon(world: World) -> None:
    class Late:
        """Cannot answer at first."""

        asked = 0

        async def acquire(self, owner: str, last_used_ms: int) -> Lease:
            self.asked += 1
            if self.asked <= 2:
                raise UnavailableError("not yet")
            return await world.leases.acquire(owner, last_used_ms)

        async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
            await world.leases.release(worker, owner, last_used_ms)

    # Only what is far below the longest pause comes to it within the time of `until`.
    keeper = LeaseKeeper(Late(), world.ids, "me", retry_every_s=600)  # type: ignore[arg-type]
    await keeper.start()
    await until(lambda: keeper.lease is not None)
    await keeper.stop()
