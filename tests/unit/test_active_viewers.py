"""Who is known to read: only those whom the store called active, and not for long."""

import pytest

from services.timeline import active_viewers
from services.timeline.active_viewers import AGE_S, ActiveViewers


class MovedTime:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_those_who_were_added_are_known_for_a_while() -> None:
    time = MovedTime()
    viewers = ActiveViewers(time)
    viewers.add([1, 2])
    assert viewers.among([1, 2, 3]) == {1, 2}
    time.s += AGE_S
    viewers.add([3])
    assert viewers.among([1, 2, 3]) == {1, 2, 3}
    time.s += AGE_S
    assert viewers.among([1, 2, 3]) == {3}
    time.s += 2 * AGE_S
    assert viewers.among([1, 2, 3]) == set()


def test_nobody_is_known_for_longer_than_two_ages_however_often_asked_for() -> None:
    time = MovedTime()
    viewers = ActiveViewers(time)
    viewers.add([1])
    known_s = 0.0
    while viewers.among([1]):
        time.s += 1.0
        known_s += 1.0
    assert AGE_S <= known_s <= 2 * AGE_S


def test_many_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_viewers, "MOST", 10)
    viewers = ActiveViewers(MovedTime())
    for viewer in range(100):
        viewers.add([viewer])
    known = viewers.among(range(100))
    assert 10 <= len(known) <= 20
    assert max(known) == 99
