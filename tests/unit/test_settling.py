"""How long an event is waited for, by clocks that may be wrong."""

from services.platform import erasure
from services.platform.erasure import Settling

NOW_MS = 1_800_000_000_000
SPAN_MS = 10_000


class Time:
    ms = NOW_MS
    s = 0.0

    def now_ms(self) -> int:
        return self.ms

    def pass_by(self, seconds: int) -> None:
        self.ms += seconds * 1_000
        self.s += seconds


def waiting() -> tuple[Settling, Time]:
    time = Time()
    return Settling(SPAN_MS, time, lambda: time.s), time


def test_an_event_settles_by_its_date() -> None:
    settling, _ = waiting()
    assert settling.left_ms(1, NOW_MS - 4_000) == 6_000
    assert settling.left_ms(2, NOW_MS - SPAN_MS) == 0


def test_an_event_dated_ahead_settles_by_the_time_since_it_was_heard_of() -> None:
    settling, time = waiting()
    assert settling.left_ms(1, NOW_MS + 3_600_000) == SPAN_MS
    time.pass_by(4)
    assert settling.left_ms(1, NOW_MS + 3_600_000) == 6_000
    assert settling.left_ms(2, NOW_MS + 3_600_000) == SPAN_MS
    time.pass_by(6)
    assert settling.left_ms(1, NOW_MS + 3_600_000) == 0
    # And stays so: the walk that asks at its end begins another one, which asks too.
    assert settling.left_ms(1, NOW_MS + 3_600_000) == 0


def test_a_clock_that_goes_back_meanwhile_makes_it_no_longer() -> None:
    settling, time = waiting()
    assert settling.left_ms(1, NOW_MS) == SPAN_MS
    time.pass_by(10)
    time.ms -= 3_600_000
    assert settling.left_ms(1, NOW_MS) == 0


def test_events_remembered_are_bounded() -> None:
    waits, _ = waiting()
    for subject in range(erasure.MAX_SUBJECTS + 1):
        assert waits.left_ms(subject, NOW_MS) == SPAN_MS
    assert len(waits._heard_s) == erasure.MAX_SUBJECTS
