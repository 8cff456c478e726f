"""Leases of worker numbers: never held by two, whatever the clocks say."""

import asyncio
import random

import pytest

from services.id.service import IdService, WorkerLeases
from services.platform.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    UnavailableError,
)
from services.platform.ids.model import LEASE_TERM_MS, WORKER_COUNT, Lease
from services.platform.runtime.clock import MAX_CLOCK_STEP_MS
from services.platform.runtime.clock_steps import CheckedClock
from tests.unit.id_parts import decompose
from tests.unit.lease_world import NOW, World


@pytest.fixture
def world() -> World:
    return World()


async def test_owners_get_different_workers_even_at_once(world: World) -> None:
    leases = await asyncio.gather(*(world.leases.acquire(f"o{i}") for i in range(20)))
    assert len({lease.worker for lease in leases}) == 20
    assert all((x.not_before_ms, x.expires_at_ms) == (0, NOW + LEASE_TERM_MS) for x in leases)


async def test_all_taken_then_expired_numbers_follow_on(world: World) -> None:
    await world.fill()
    with pytest.raises(UnavailableError):
        await world.leases.acquire("late")
    world.clock.ms += LEASE_TERM_MS
    lease = await world.leases.acquire("late")
    assert lease.not_before_ms == NOW + LEASE_TERM_MS
    with pytest.raises(FailedPreconditionError) as caught:
        await world.leases.renew(lease.worker, "x")
    assert caught.value.reason == "LEASE_LOST"


async def test_renewal_extends_and_never_shortens(world: World) -> None:
    lease = await world.leases.acquire("a")
    world.clock.ms += 20_000
    renewed = await world.leases.renew(lease.worker, "a")
    assert renewed == Lease(lease.worker, "a", 0, NOW + 20_000 + LEASE_TERM_MS)
    world.clock.ms -= 500_000
    assert await world.leases.renew(lease.worker, "a") == renewed


async def test_release_frees_from_the_millisecond_after_the_last(world: World) -> None:
    await world.fill()
    await world.leases.release(5, "x", NOW + 7)
    await world.leases.release(5, "x", NOW + 7)
    lease = await world.leases.acquire("b")
    assert (lease.worker, lease.not_before_ms) == (5, NOW + 8)
    await world.leases.release(5, "x", 0)
    await world.leases.release(5, "b", NOW + 10 * LEASE_TERM_MS)
    assert (await world.leases.acquire("c")).not_before_ms == lease.expires_at_ms


async def test_the_window_keeps_ahead_of_ids_while_the_clock_is_behind(world: World) -> None:
    lease = await world.leases.acquire("a")
    world.ids.hold(lease)
    world.clock.ms = lease.expires_at_ms - 1
    await world.ids.next_id()
    world.clock.ms -= 3_600_000
    renewed = await world.leases.renew(lease.worker, "a", world.ids.last_used_ms)
    assert renewed.expires_at_ms == lease.expires_at_ms - 1 + LEASE_TERM_MS
    again = await world.leases.renew(lease.worker, "a", world.ids.last_used_ms)
    assert again == renewed


async def test_another_number_goes_on_from_the_owners_ids_while_the_clock_is_behind(
    world: World,
) -> None:
    world.ids.hold(await world.leases.acquire("a"))
    before = await world.ids.next_id()
    world.clock.ms -= 3_600_000
    world.ids.hold(await world.leases.acquire("a", world.ids.last_used_ms))
    assert await world.ids.next_id() > before


async def test_a_process_that_starts_behind_its_windows_makes_ids(world: World) -> None:
    await world.fill()
    for worker in range(WORKER_COUNT):
        await world.leases.release(worker, "x", NOW)
    world.clock.ms -= 3_600_000
    lease = await world.leases.acquire("b")
    world.ids.hold(lease)
    assert decompose(await world.ids.next_id()).timestamp_ms == NOW + 1


async def test_no_lease_from_a_clock_far_behind_the_last_leases(world: World) -> None:
    lease = await world.leases.acquire("a")
    world.clock.ms -= MAX_CLOCK_STEP_MS + 1
    with pytest.raises(UnavailableError, match=r"15\.0 h behind the newest ids"):
        await world.leases.acquire("b")
    with pytest.raises(UnavailableError, match="behind the newest ids"):
        await world.leases.renew(lease.worker, "a", NOW)
    world.clock.ms += 1
    await world.leases.acquire("b")


async def test_a_trusted_clock_leases_the_numbers_without_windows_far_ahead(world: World) -> None:
    await world.fill()
    for worker in set(range(WORKER_COUNT)) - {5}:
        held = Lease(worker, "x", 0, NOW + LEASE_TERM_MS)
        assert await world.store.claim(held, Lease(worker, "", 0, NOW + 365 * 86_400_000))
    world.clock.ms += LEASE_TERM_MS
    with pytest.raises(UnavailableError, match="behind the newest ids"):
        await world.leases.acquire("a")
    rng = random.Random(1)  # noqa: S311
    trusting = WorkerLeases(world.store, world.clock, rng, trusts_clock=True)
    lease = await trusting.acquire("a")
    assert lease == Lease(5, "a", NOW + LEASE_TERM_MS, NOW + 2 * LEASE_TERM_MS)
    with pytest.raises(UnavailableError, match="all 1024"):
        await trusting.acquire("b")


async def test_no_lease_from_a_clock_that_was_set_far_ahead() -> None:
    world, boot_ms = World(), 5_000
    checked = CheckedClock(world.clock, lambda: boot_ms)
    leases = WorkerLeases(world.store, checked, random.Random(1))  # noqa: S311
    lease = await leases.acquire("a")
    world.clock.ms += 365 * 86_400_000
    assert not checked.holds()
    with pytest.raises(UnavailableError, match="set ahead by 8,760"):
        await leases.renew(lease.worker, "a")
    with pytest.raises(UnavailableError, match="set ahead"):
        await leases.acquire("b")
    world.clock.ms = NOW
    assert checked.holds()
    assert await leases.renew(lease.worker, "a") == lease
    # A day that the machine has seen is no step.
    boot_ms += 86_400_000
    world.clock.ms += 86_400_000
    assert checked.holds()


async def test_limits(world: World) -> None:
    service = IdService(world.leases, world.ids)
    for call in (
        service.generate(0),
        service.generate(1001),
        service.lease_worker(""),
        service.lease_worker("x" * 129),
        service.renew(1024, "a"),
        service.release(-1, "a", 0),
        service.release(1, "a", -1),
        service.renew(1, "a", -1),
        service.lease_worker("a", -1),
    ):
        with pytest.raises(InvalidArgumentError):
            await call
    with pytest.raises(UnavailableError):
        await service.generate(1)
    lease = await service.lease_worker("a")
    world.ids.hold(lease)
    made = await service.generate(1000)
    assert made == sorted(set(made))
    assert (await service.renew(lease.worker, "a")).worker == lease.worker
    await service.release(lease.worker, "a", world.ids.last_used_ms)
