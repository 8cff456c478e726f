import asyncio
from contextvars import Context

from services.platform.runtime.deadlines import SHARE, allowed_s, deadline_in, remaining_s


def test_outside_a_call_there_is_only_the_own_bound() -> None:
    assert remaining_s() is None
    assert allowed_s(5) == 5


def test_the_requests_deadline_leaves_less() -> None:
    with deadline_in(1):
        assert 0 < allowed_s(5) <= SHARE
        assert 0 < allowed_s(5, share=0.5) <= 0.5
        assert allowed_s(0.25) == 0.25
    assert allowed_s(5) == 5


def test_an_inner_deadline_cannot_be_later() -> None:
    with deadline_in(1), deadline_in(9):
        assert 0 < allowed_s(5) <= SHARE


def test_nothing_is_left_when_the_time_is_up() -> None:
    with deadline_in(-1):
        assert (remaining_s(), allowed_s(5)) == (0, 0)


async def test_a_task_takes_the_deadline_over_unless_it_has_its_own_context() -> None:
    async def allowed() -> float:
        return allowed_s(5)

    with deadline_in(1):
        inside = asyncio.create_task(allowed())
        outlives = asyncio.create_task(allowed(), context=Context())
    assert await inside <= SHARE
    assert await outlives == 5
