"""A load that is stopped ends with what is under way."""

import asyncio

import pytest

from services.cli.load.loader import at_once

ITEMS = 1_000


async def test_nothing_is_begun_after_a_stop_though_cancellations_are_lost() -> None:
    begun: list[int] = []
    under_way = asyncio.Event()

    async def work(item: int) -> None:
        begun.append(item)
        under_way.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # As an HTTP client may.
            await asyncio.sleep(0)

    load = asyncio.create_task(at_once(2, work, range(ITEMS)))
    await under_way.wait()
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(load, timeout=30)
    assert begun == [0, 1]


async def test_the_first_failure_ends_all_and_is_raised() -> None:
    async def work(item: int) -> None:
        if item == 1:
            raise ValueError(item)
        await asyncio.Event().wait()

    with pytest.raises(ValueError, match="1"):
        await asyncio.wait_for(at_once(2, work, range(ITEMS)), timeout=30)
