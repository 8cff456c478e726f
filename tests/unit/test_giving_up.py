"""When a consumer may give messages up."""

from services.platform.bus.giving_up import AT_ONCE, ENOUGH, LAST, ONE_MORE_S, WITHIN_S, GivingUp
from services.platform.bus.port import Message


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def ended(giving_up: GivingUp, numbers: range, *, failed: bool) -> None:
    for number in numbers:
        giving_up.ended(Message(b"message %d" % number), failed=failed)


def given_up(giving_up: GivingUp) -> int:
    """How many may be, asked for more than there can be."""
    return sum(giving_up.may() for _ in range(3 * LAST))


def test_a_few_that_fail_are_faulty_themselves() -> None:
    giving_up = GivingUp(Clock())
    ended(giving_up, range(ENOUGH - 1), failed=True)
    assert not giving_up.most_fail
    assert given_up(giving_up) == 3 * LAST


def test_one_that_fails_again_and_again_counts_once() -> None:
    giving_up = GivingUp(Clock())
    for _ in range(3 * ENOUGH):
        ended(giving_up, range(1), failed=True)
    assert not giving_up.most_fail


def test_where_most_fail_hardly_any_is_given_up() -> None:
    clock = Clock()
    giving_up = GivingUp(clock)
    ended(giving_up, range(ENOUGH), failed=True)
    assert giving_up.most_fail
    assert given_up(giving_up) == AT_ONCE
    clock.now_s += 2.5 * ONE_MORE_S
    ended(giving_up, range(ENOUGH), failed=True)
    assert given_up(giving_up) == 2


def test_many_that_fail_among_more_that_do_not_are_faulty() -> None:
    giving_up = GivingUp(Clock())
    ended(giving_up, range(ENOUGH), failed=True)
    ended(giving_up, range(ENOUGH, 2 * ENOUGH), failed=False)
    assert not giving_up.most_fail
    # One of them fails after all.
    ended(giving_up, range(ENOUGH, ENOUGH + 1), failed=True)
    assert giving_up.most_fail


def test_those_that_are_handled_at_last_have_not_failed() -> None:
    giving_up = GivingUp(Clock())
    ended(giving_up, range(LAST), failed=True)
    ended(giving_up, range(LAST // 2 - 1), failed=False)
    assert giving_up.most_fail
    ended(giving_up, range(LAST // 2), failed=False)
    assert not giving_up.most_fail


def test_only_the_last_messages_count() -> None:
    giving_up = GivingUp(Clock())
    # From the first on that fails.
    ended(giving_up, range(-1, 0), failed=True)
    ended(giving_up, range(LAST), failed=False)
    ended(giving_up, range(LAST, LAST + LAST // 2), failed=True)
    assert not giving_up.most_fail
    ended(giving_up, range(LAST + LAST // 2, LAST + LAST // 2 + 1), failed=True)
    assert giving_up.most_fail


def test_what_failed_a_while_ago_and_not_since_is_forgotten() -> None:
    clock = Clock()
    giving_up = GivingUp(clock)
    ended(giving_up, range(ENOUGH), failed=True)
    clock.now_s += WITHIN_S / 2
    ended(giving_up, range(1), failed=True)
    clock.now_s += WITHIN_S / 2 + 1
    assert not giving_up.most_fail
    ended(giving_up, range(1, ENOUGH), failed=True)
    assert giving_up.most_fail
