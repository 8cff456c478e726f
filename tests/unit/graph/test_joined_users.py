import asyncio
from collections.abc import Sequence

import pytest

from services.graph.joined_users import MOST_IDS, JoinedUsers
from services.graph.model import UserProfile
from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import deadline_in, remaining_s


class Slow:
    """Users below 100, looked up when a test lets it."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.left_s: list[float | None] = []
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        self.calls.append(list(user_ids))
        self.begun.set()
        self.left_s.append(remaining_s())
        await self.let_go.wait()
        if self.fails:
            raise UnavailableError("gone")
        return [user_id for user_id in user_ids if user_id >= 100]

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        raise NotImplementedError(user_ids)


async def test_who_asks_together_is_answered_by_one_call() -> None:
    slow = Slow()
    users = JoinedUsers(slow)
    asking = [asyncio.create_task(users.missing([one, 500, 7, one + 95])) for one in range(10)]
    await asyncio.sleep(0)
    slow.let_go.set()
    answers = await asyncio.gather(*asking)
    assert answers == [[500, *([one + 95] if one >= 5 else [])] for one in range(10)]
    assert len(slow.calls) == 1
    assert sorted(slow.calls[0]) == sorted({*range(10), 500, 7, *range(95, 105)})


async def test_who_comes_while_a_call_is_under_way_waits_for_the_next() -> None:
    """What was asked for before may be out of date."""
    slow = Slow()
    users = JoinedUsers(slow)
    first = asyncio.create_task(users.missing([1]))
    await slow.begun.wait()
    later = [asyncio.create_task(users.missing([one, 1])) for one in (2, 300)]
    await asyncio.sleep(0)
    slow.let_go.set()
    assert await asyncio.gather(first, *later) == [[], [], [300]]
    assert slow.calls == [[1], [2, 1, 300]]


async def test_a_call_that_hangs_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as one process of the user service hangs, the others answer."""
    monkeypatch.setattr("services.graph.joined_users.LINGER_S", 0.01)
    slow = Slow()
    users = JoinedUsers(slow)
    hanging = asyncio.create_task(users.missing([1]))
    await slow.begun.wait()
    hung, slow.let_go = slow.let_go, asyncio.Event()
    slow.let_go.set()
    with deadline_in(10):
        assert await users.missing([2, 300]) == [300]
    assert not hanging.done()
    hung.set()
    assert await hanging == []


async def test_each_is_told_of_a_failure_and_the_next_asks_again() -> None:
    slow = Slow()
    slow.fails = True
    slow.let_go.set()
    users = JoinedUsers(slow)
    answers = await asyncio.gather(
        *(users.missing([one]) for one in range(5)), return_exceptions=True
    )
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    assert len({id(answer) for answer in answers}) == 5
    slow.fails = False
    assert await users.missing([1, 400]) == [400]


async def test_alone_it_has_its_own_deadline_and_ends_with_it() -> None:
    slow = Slow()
    users = JoinedUsers(slow)
    with deadline_in(0.05), pytest.raises(UnavailableError):
        await users.missing([1])
    assert slow.left_s[0] is not None


async def test_a_long_list_asks_by_itself() -> None:
    slow = Slow()
    slow.let_go.set()
    users = JoinedUsers(slow)
    ids = list(range(1, MOST_IDS + 1))
    assert await asyncio.gather(users.missing(ids), users.missing([5])) == [
        list(range(100, MOST_IDS + 1)),
        [],
    ]
    assert sorted(map(len, slow.calls)) == [1, MOST_IDS]
