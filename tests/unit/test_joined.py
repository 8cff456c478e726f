"""Callers for whom something was done together."""

import asyncio

import pytest

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.runtime.deadlines import deadline_in
from services.platform.runtime.joined import answered, fail, give


async def test_each_raises_an_error_of_its_own_that_says_the_same() -> None:
    callers: list[asyncio.Future[int]] = [asyncio.Future() for _ in range(3)]
    callers[0].cancel()
    error = UnavailableError("gone", retry_after_s=7.0)
    for caller in callers:
        fail(caller, error)
        give(caller, 1)  # too late
    raised = [caller.exception() for caller in callers[1:]]
    assert len({id(each) for each in [error, *raised]}) == 3
    for each in raised:
        assert isinstance(each, UnavailableError)
        assert (str(each), each.retry_after_s, each.__cause__) == ("gone", 7.0, error)


async def test_other_errors_are_raised_as_they_are() -> None:
    caller: asyncio.Future[int] = asyncio.Future()
    error = InvalidArgumentError("user_id", "is nobody")
    fail(caller, error)
    with pytest.raises(InvalidArgumentError) as caught:
        await answered(caller, 60.0, "late")
    assert caught.value is error


async def test_a_caller_waits_as_long_as_its_deadline_leaves() -> None:
    caller: asyncio.Future[int] = asyncio.Future()
    with deadline_in(0.01), pytest.raises(UnavailableError, match="late"):
        await answered(caller, 60.0, "late")
    assert caller.done()
    give(caller, 1)
    caller = asyncio.Future()
    give(caller, 1)
    assert await answered(caller, 60.0, "late") == 1
