"""Work goes on though whoever asked for it has gone, once at a time for each key."""

import asyncio

from services.platform.runtime.deadlines import deadline_in, remaining_s
from services.platform.runtime.lasting import Lasting

WAIT_S = 30.0


class Source:
    """Doubles numbers once a test lets it; of a negative one it knows nothing."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.left_s: list[float | None] = []
        self.has_begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def double(self, number: int) -> int | None:
        self.begun.append(number)
        self.left_s.append(remaining_s())
        self.has_begun.set()
        await self.go_on.wait()
        return None if number < 0 else 2 * number


async def test_what_is_found_in_time_is_given_and_failures_are_left_out() -> None:
    source = Source()
    source.go_on.set()
    lasting = Lasting(source.double, at_once=2)
    assert await lasting.within([1, -2, 3], WAIT_S) == {1: 2, 3: 6}
    assert await lasting.within([], WAIT_S) == {}
    # What has ended is done anew for who asks again.
    assert await lasting.within([1], WAIT_S) == {1: 2}
    assert source.begun == [1, -2, 3, 1]


async def test_work_outlives_who_asked_and_is_shared_by_those_who_ask_meanwhile() -> None:
    source = Source()
    lasting = Lasting(source.double, at_once=2)
    with deadline_in(0.05):
        assert await lasting.within([1], WAIT_S) == {}
    later = asyncio.create_task(lasting.within([1], WAIT_S))
    cancelled = asyncio.create_task(lasting.within([1], WAIT_S))
    await asyncio.sleep(0)
    cancelled.cancel()
    source.go_on.set()
    async with asyncio.timeout(WAIT_S):
        assert await later == {1: 2}
    assert source.begun == [1]
    # Nobody's deadline is that of all.
    assert source.left_s == [None]


async def test_so_much_is_done_at_once() -> None:
    source = Source()
    lasting = Lasting(source.double, at_once=2)
    asking = asyncio.create_task(lasting.within(range(1, 6), WAIT_S))
    async with asyncio.timeout(WAIT_S):
        await source.has_begun.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert source.begun == [1, 2]
        source.go_on.set()
        assert await asking == {n: 2 * n for n in range(1, 6)}
