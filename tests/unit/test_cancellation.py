import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

import pytest

from services.platform.runtime.cancellation import cancellation_kept


async def polling(guard: Callable[[], AbstractContextManager[None]]) -> None:
    """Poll by a call that loses its cancellation, as Valkey's client may."""
    for _ in range(3):
        with guard(), suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("guard", "is_lost"), [(nullcontext, True), (cancellation_kept, False)])
async def test_a_lost_cancellation_comes_at_the_end(
    guard: Callable[[], AbstractContextManager[None]], *, is_lost: bool
) -> None:
    task = asyncio.create_task(polling(guard))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is not is_lost


async def test_an_older_cancellation_is_not_raised_again() -> None:
    with suppress(asyncio.CancelledError):
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
    with cancellation_kept():
        await asyncio.sleep(0)
    task.uncancel()
