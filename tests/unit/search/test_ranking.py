"""The order of `relevant`."""

from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at
from services.search.ranking import HALF_LIFE_MS, Scored, ranked

NOW_MS = EPOCH_MS + 100 * HALF_LIFE_MS
DAY_MS = 86_400_000


def made(age_days: float) -> int:
    return first_id_at(NOW_MS - round(age_days * DAY_MS))


def test_what_fits_better_comes_first() -> None:
    one, other = made(1), made(1.1)
    assert ranked([Scored(1.0, one, one), Scored(2.0, other, other)], NOW_MS) == [other, one]


def test_of_what_fits_alike_the_newer_comes_first() -> None:
    old, new = made(9), made(1)
    assert ranked([Scored(1.0, old, old), Scored(1.0, new, new)], NOW_MS) == [new, old]


def test_what_is_old_and_fits_far_better_still_comes_first() -> None:
    old, new = made(99), made(0)
    assert ranked([Scored(1.0, new, new), Scored(5.0, old, old)], NOW_MS) == [old, new]


def test_what_has_no_score_is_ordered_by_age() -> None:
    ids = [made(age) for age in (3, 1, 2)]
    assert ranked([Scored(0.0, each, each) for each in ids], NOW_MS) == sorted(ids, reverse=True)


def test_of_a_group_the_best_alone_is_shown() -> None:
    one, other = made(1), made(2)
    assert ranked([Scored(1.0, one, 7), Scored(3.0, other, 7)], NOW_MS) == [other]
