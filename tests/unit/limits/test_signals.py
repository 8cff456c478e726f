"""What requests say against a subject."""

import pytest

from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.signals import NEW_ACCOUNT_FACTOR, UNHURRIED_WRITES, Seen, points
from services.platform.ids.snowflake_time import first_id_at

NOW_MS = 1_800_000_000_000
SETTLED = "1000"
NEW = str(first_id_at(NOW_MS - 1_000))
ADDRESS = "192.0.2.1/32"
RULES = ReputationRules()


def seen(status: int = 200, *, user: str = SETTLED, is_write: bool = False) -> Seen:
    return Seen(user=user, address=ADDRESS, status=status, is_write=is_write)


@pytest.mark.parametrize("status", [200, 201, 304, 500, 503])
def test_answers_that_are_nobodys_fault_cost_no_reputation(status: int) -> None:
    assert points([seen(status)] * 100, NOW_MS) == {}


def test_refusals_cost_more_than_mistakes_and_those_more_than_misses() -> None:
    refused, mistaken, missing = (
        points([seen(status)], NOW_MS)[f"user:{SETTLED}"] for status in (401, 400, 404)
    )
    assert refused > mistaken > missing > 0
    assert points([seen(403)], NOW_MS) == points([seen(401)], NOW_MS)


def test_a_known_user_answers_for_itself_and_an_address_for_the_unknown() -> None:
    assert points([seen(401)], NOW_MS).keys() == {f"user:{SETTLED}"}
    assert points([seen(401, user="")], NOW_MS).keys() == {f"ip:{ADDRESS}"}


def test_the_same_costs_a_new_account_more() -> None:
    settled = points([seen(400)], NOW_MS)[f"user:{SETTLED}"]
    assert points([seen(400, user=NEW)], NOW_MS) == {f"user:{NEW}": NEW_ACCOUNT_FACTOR * settled}


def test_writing_faster_than_a_person_costs_reputation() -> None:
    writes = [seen(is_write=True)] * UNHURRIED_WRITES
    assert points(writes, NOW_MS) == {}
    assert points([*writes, seen(is_write=True)], NOW_MS).keys() == {f"user:{SETTLED}"}


def test_ten_refused_log_ins_make_a_suspect() -> None:
    assert points([seen(401, user="")] * 10, NOW_MS)[f"ip:{ADDRESS}"] >= RULES.suspect


@pytest.mark.parametrize("user", ["x", "-1", "9" * 5_000, "\u0661"])
def test_an_odd_user_is_no_new_account(user: str) -> None:
    assert points([seen(400, user=user)], NOW_MS) == {f"user:{user}": 1.0}
