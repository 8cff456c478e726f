from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import UnavailableError
from services.platform.ids.model import EPOCH_MS, MAX_SEQUENCE, IdParts, Lease, compose
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.runtime.clock import MAX_CLOCK_STEP_MS
from tests.unit.id_parts import decompose

NOW = EPOCH_MS + 1_000_000


class MovableClock:
    def __init__(self, now_ms: int = NOW) -> None:
        self.ms = now_ms
        self.sleeps = 0

    def now_ms(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.ms += max(1, round(seconds * 1000))


def generator(clock: MovableClock, lease: Lease | None = None) -> SnowflakeGenerator:
    made = SnowflakeGenerator(clock, sleep=clock.sleep)
    made.hold(lease or Lease(7, "a", 0, NOW + 60_000))
    return made


@given(st.integers(0, (1 << 63) - 1))
def test_fields_of_an_id_round_trip(snowflake: int) -> None:
    assert compose(decompose(snowflake)) == snowflake


async def test_id_carries_time_worker_and_sequence() -> None:
    ids = generator(MovableClock())
    assert decompose(await ids.next_id()) == IdParts(NOW, 7, 0)
    assert decompose(await ids.next_id()) == IdParts(NOW, 7, 1)


async def test_full_millisecond_waits_for_the_next() -> None:
    clock = MovableClock()
    ids = generator(clock)
    made = [await ids.next_id() for _ in range(MAX_SEQUENCE + 2)]
    assert clock.sleeps == 1
    assert decompose(made[-1]) == IdParts(NOW + 1, 7, 0)


async def test_ids_go_on_from_the_last_when_the_clock_goes_back() -> None:
    clock = MovableClock()
    ids = generator(clock)
    await ids.next_id()
    clock.ms -= MAX_CLOCK_STEP_MS - 1
    made = [await ids.next_id() for _ in range(2 * MAX_SEQUENCE)]
    assert all(a < b for a, b in pairwise(made))
    assert decompose(made[0]) == IdParts(NOW, 7, 1)
    assert decompose(made[-1]).timestamp_ms == NOW + 1
    assert clock.sleeps == 0
    assert ids.is_able()


async def test_a_clock_too_far_back_is_refused_until_it_is_right() -> None:
    clock = MovableClock()
    ids = generator(clock)
    await ids.next_id()
    clock.ms -= MAX_CLOCK_STEP_MS + 1
    assert not ids.is_able()
    with pytest.raises(UnavailableError, match=r"15\.0 h behind"):
        await ids.next_id()
    clock.ms += 1
    assert ids.is_able()
    assert decompose(await ids.next_id()) == IdParts(NOW, 7, 1)


async def test_a_clock_too_far_behind_its_lease_is_refused_before_the_first_id() -> None:
    clock = MovableClock(NOW - MAX_CLOCK_STEP_MS - 1)
    ids = generator(clock)
    assert not ids.is_able()
    with pytest.raises(UnavailableError, match="behind the newest ids"):
        await ids.next_id()


async def test_a_clock_far_ahead_spoils_nothing() -> None:
    clock = MovableClock()
    ids = generator(clock)
    await ids.next_id()
    clock.ms += 365 * 86_400_000
    assert not ids.is_able()
    with pytest.raises(UnavailableError, match="the clock is ahead"):
        await ids.next_id()
    clock.ms = NOW
    assert decompose(await ids.next_id()) == IdParts(NOW, 7, 1)


async def test_logical_time_ends_with_the_window() -> None:
    clock = MovableClock()
    ids = generator(clock, Lease(7, "a", 0, NOW + 1))
    await ids.next_id()
    clock.ms -= 3_600_000
    assert ids.window_left_ms == 1
    for _ in range(MAX_SEQUENCE):
        await ids.next_id()
    assert not ids.is_able()
    with pytest.raises(UnavailableError, match="expired"):
        await ids.next_id()
    ids.hold(Lease(7, "a", 0, NOW + 2))
    assert decompose(await ids.next_id()) == IdParts(NOW + 1, 7, 0)


async def test_no_id_without_or_beyond_the_lease() -> None:
    clock = MovableClock()
    with pytest.raises(UnavailableError):
        await SnowflakeGenerator(clock).next_id()
    ids = generator(clock)
    clock.ms = NOW + 59_999
    await ids.next_id()
    clock.ms += 1
    with pytest.raises(UnavailableError, match="expired"):
        await ids.next_id()
    ids.hold(Lease(7, "a", 0, NOW + 120_000))
    await ids.next_id()
    ids.drop()
    with pytest.raises(UnavailableError):
        await ids.next_id()


async def test_window_ahead_of_the_clock() -> None:
    clock = MovableClock()
    ids = generator(clock, Lease(1, "a", NOW + 5, NOW + 60_000))
    assert decompose(await ids.next_id()).timestamp_ms == NOW + 5
    far = generator(MovableClock(), Lease(1, "a", NOW + 3_600_000, NOW + 3_660_000))
    assert decompose(await far.next_id()) == IdParts(NOW + 3_600_000, 1, 0)


async def test_standing_clock_gives_up() -> None:
    async def no_time_passes(_seconds: float) -> None:
        return

    ids = SnowflakeGenerator(MovableClock(), sleep=no_time_passes)
    ids.hold(Lease(1, "a", NOW + 1, NOW + 60_000))
    with pytest.raises(UnavailableError, match="stands still"):
        await ids.next_id()


@given(
    st.lists(
        st.tuples(
            st.integers(-40, 40) | st.integers(-(10**8), 10**8),
            st.integers(0, 5),
            st.integers(0, 1023),
        )
    )
)
async def test_ids_increase_under_clock_jumps_and_worker_changes(
    steps: list[tuple[int, int, int]],
) -> None:
    clock = MovableClock()
    ids = generator(clock)
    made: list[int] = []
    for jump_ms, count, worker in steps:
        clock.ms += jump_ms
        if jump_ms % 5 == 0:
            ids.hold(Lease(worker, "a", clock.ms - 3, NOW + 60_000))
        for _ in range(count):
            try:
                made.append(await ids.next_id())
            except UnavailableError:
                break
    assert all(a < b for a, b in pairwise(made))


@given(
    st.integers(NOW - 50, NOW + 50),
    st.lists(st.tuples(st.booleans(), st.integers(-30, 30)), max_size=60),
)
async def test_successive_windows_never_give_one_id(
    boundary: int, steps: list[tuple[bool, int]]
) -> None:
    clocks = (MovableClock(), MovableClock())
    holders = (
        generator(clocks[0], Lease(3, "old", 0, boundary)),
        generator(clocks[1], Lease(3, "new", boundary, NOW + 60_000)),
    )
    made: list[int] = []
    for second, jump_ms in steps:
        clocks[second].ms += jump_ms
        try:
            made.append(await holders[second].next_id())
        except UnavailableError:
            continue
    assert len(made) == len(set(made))
