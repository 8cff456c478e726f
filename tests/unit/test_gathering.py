"""What callers want at the same time goes out in one call, and each gets its own answer."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import deadline_in, remaining_s
from services.platform.runtime.gathering import Gathering

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")
MOST = 5


class Source:
    """Doubles numbers, once a test lets it go on."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.contexts: list[tuple[str, float | None]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.contexts.append((WHOSE.get(), remaining_s()))
        self.is_asked.set()
        await self.may_answer.wait()
        if 0 in numbers:
            raise UnavailableError("no zeros")
        return [2 * each for each in numbers]


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def doubled(source: Source) -> Gathering[int, int]:
    return Gathering(source.double, most=MOST)


async def test_who_asks_in_the_same_moment_shares_a_call(
    source: Source, doubled: Gathering[int, int]
) -> None:
    assert await asyncio.gather(*map(doubled.get, (3, 1, 3))) == [6, 2, 6]
    assert await doubled.get(4) == 8
    assert source.asked == [[3, 1, 3], [4]]


async def test_what_comes_during_a_call_waits_for_the_next(
    source: Source, doubled: Gathering[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.platform.runtime.gathering.LINGER_S", 60)
    source.may_answer.clear()
    first = asyncio.create_task(doubled.get(1))
    await source.is_asked.wait()
    others = [asyncio.create_task(doubled.get(number)) for number in range(2, 2 + MOST + 1)]
    await asyncio.sleep(0)
    assert source.asked == [[1]], "nobody gets what was asked for before they came"
    source.may_answer.set()
    assert await first == 2
    assert await asyncio.gather(*others) == [2 * number for number in range(2, 2 + MOST + 1)]
    assert source.asked == [[1], [2, 3, 4, 5, 6], [7]]


async def test_a_call_that_hangs_holds_up_nobody_else(
    source: Source, doubled: Gathering[int, int]
) -> None:
    source.may_answer.clear()
    hanging = asyncio.create_task(doubled.get(1))
    await source.is_asked.wait()
    source.is_asked.clear()
    other = asyncio.create_task(doubled.get(2))
    async with asyncio.timeout(10):
        await source.is_asked.wait()
    assert source.asked == [[1], [2]]
    source.may_answer.set()
    assert (await hanging, await other) == (2, 4)


async def test_a_call_has_the_first_ones_context_and_nobodys_deadline(
    source: Source, doubled: Gathering[int, int]
) -> None:
    async def ask(name: str, number: int) -> int:
        WHOSE.set(name)
        with deadline_in(5):
            return await doubled.get(number)

    assert await asyncio.gather(ask("the first", 1), ask("the second", 2)) == [2, 4]
    assert source.contexts == [("the first", None)]


async def test_who_has_no_time_left_gives_up_alone(
    source: Source, doubled: Gathering[int, int]
) -> None:
    source.may_answer.clear()
    patient = asyncio.create_task(doubled.get(1))
    with deadline_in(0.01), pytest.raises(UnavailableError):
        await doubled.get(2)
    source.may_answer.set()
    assert await patient == 2


async def test_those_who_have_gone_are_asked_for_no_more(
    source: Source, doubled: Gathering[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.platform.runtime.gathering.LINGER_S", 60)
    source.may_answer.clear()
    first = asyncio.create_task(doubled.get(1))
    await source.is_asked.wait()
    gone, left = (asyncio.create_task(doubled.get(number)) for number in (2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    source.may_answer.set()
    assert (await first, await left) == (2, 6)
    assert source.asked == [[1], [3]]


async def test_a_failed_call_fails_all_whom_it_was_for_and_no_later_ones(
    doubled: Gathering[int, int],
) -> None:
    found = await asyncio.gather(*map(doubled.get, (1, 0)), return_exceptions=True)
    assert [type(each) for each in found] == [UnavailableError] * 2
    assert await doubled.get(1) == 2
