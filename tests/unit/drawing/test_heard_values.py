"""Values are kept while changes of them are heard of, and for no longer than two generations."""

import pytest

from services.platform.drawing.heard_values import HeardValues


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock, settle_s: float = 0.0) -> HeardValues[str]:
    values = HeardValues[str](settle_s=settle_s, generation_s=30, generation_values=4, now_s=clock)
    values.open()
    return values


def put(values: HeardValues[str], *ids: int, changes: int | None = None) -> None:
    looked = {one: f"v{one}" for one in ids}
    values.put_many(looked, values.changes if changes is None else changes)


def kept(values: HeardValues[str], *ids: int) -> list[int]:
    return [one for one, value in zip(ids, values.get_many(ids), strict=True) if value is not None]


def test_keeps_nothing_until_it_hears_of_changes(clock: Clock) -> None:
    values = HeardValues[str](now_s=clock)
    put(values, 1)
    assert kept(values, 1) == []
    values.open()
    put(values, 1)
    assert kept(values, 1, 2) == [1]
    values.close()
    assert kept(values, 1) == []


def test_what_changed_is_not_kept_nor_put_by_a_look_from_before(clock: Clock) -> None:
    values = opened(clock)
    put(values, 1, 2)
    before = values.changes
    values.gone(1)
    assert kept(values, 1, 2) == [2]
    put(values, 1, changes=before)
    assert kept(values, 1) == []
    put(values, 1)
    assert kept(values, 1) == [1]


def test_what_was_looked_up_before_it_listened_is_not_kept(clock: Clock) -> None:
    values = opened(clock)
    before = values.changes
    values.close()
    values.open()
    put(values, 1, changes=before)
    assert kept(values, 1) == []


def test_a_value_lives_for_two_generations_at_most(clock: Clock) -> None:
    values = opened(clock)
    put(values, 1)
    clock.now += 29
    put(values, 2)
    assert kept(values, 1, 2) == [1, 2]
    clock.now += 2
    assert kept(values) == []
    put(values, 3)
    assert kept(values, 1, 2, 3) == [1, 2, 3]
    clock.now += 30
    assert kept(values, 1, 2, 3) == [3]
    clock.now += 61
    assert kept(values, 3) == []


def test_a_full_generation_ends_early(clock: Clock) -> None:
    values = opened(clock)
    for one in range(10):
        put(values, one)
        assert kept(values, one) == [one]
    assert len(kept(values, *range(10))) <= 8


def test_a_change_is_remembered_for_as_long_as_looks_from_before_it_are_taken(
    clock: Clock,
) -> None:
    values = opened(clock)
    before = values.changes
    values.gone(1)
    for _ in range(3):
        clock.now += 31
        kept(values)
    put(values, 1, changes=before)
    assert kept(values, 1) == []


def test_changes_alone_do_not_fill_the_memory(clock: Clock) -> None:
    values = opened(clock)
    before = values.changes
    for one in range(1_000):
        values.gone(one)
    assert len(values._changed) <= 8
    put(values, 0, changes=before)
    assert kept(values, 0) == []


def test_what_changes_all_the_time_is_shown_as_it_was_for_a_moment(clock: Clock) -> None:
    values = opened(clock, settle_s=0.5)
    put(values, 1, 2)
    values.gone(1)
    clock.now += 0.4
    values.gone(1)
    assert kept(values, 1, 2) == [1, 2]
    clock.now += 0.1
    assert kept(values, 1, 2) == [2]
    # A look that a change overtook is shown too, and no longer than that.
    before = values.changes
    values.gone(1)
    put(values, 1, changes=before)
    assert kept(values, 1) == [1]
    clock.now += 0.5
    assert kept(values, 1) == []


def test_a_look_after_the_change_stays(clock: Clock) -> None:
    values = opened(clock, settle_s=0.5)
    put(values, 1)
    values.gone(1)
    put(values, 1)
    clock.now += 1
    assert kept(values, 1) == [1]
