"""A time limit of the current task: it cuts, it is told from other cancellations, it ends."""

import asyncio

import pytest

from services.platform.runtime.cut import Cut

LONG_S = 30.0


async def test_it_cancels_its_task_which_is_then_cancelled_no_longer() -> None:
    cut = Cut(0)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(LONG_S)
    assert cut.was_it()
    cut.end()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_cancellation_by_another_is_not_its_own() -> None:
    begun = asyncio.Event()

    async def limited() -> bool:
        cut = Cut(LONG_S)
        begun.set()
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            return cut.was_it()
        finally:
            cut.end()
        raise AssertionError("nobody cancelled it")

    task = asyncio.create_task(limited())
    await begun.wait()
    task.cancel()
    assert not await task


async def test_one_that_ended_cuts_no_more() -> None:
    cut = Cut(0)
    cut.end()
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_cut_inside_another_is_told_from_it() -> None:
    outer = Cut(LONG_S)
    inner = Cut(0)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(LONG_S)
    assert not outer.was_it()
    assert inner.was_it()
    inner.end()
    outer.end()
