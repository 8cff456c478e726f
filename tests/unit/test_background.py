"""Loops that end only when they are stopped, and say when they do not go on."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress

import pytest
import structlog

from services.platform.runtime.background import (
    BEAT_S,
    LATE_S,
    Background,
    Finished,
    to_beat_s,
)

WAIT_S = 5.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - polled from outside, as a test must
            await asyncio.sleep(0.01)


class FullDisk:
    """A log that cannot be written."""

    def msg(self, message: str) -> None:
        """Raise as a file does on a full disk."""
        raise OSError(errno.ENOSPC, message)

    log = debug = info = warn = warning = error = critical = exception = msg


@pytest.mark.parametrize(
    "raised", [RuntimeError("a fault"), OSError(errno.ENOSPC, "full"), asyncio.CancelledError()]
)
async def test_whatever_a_step_raises_the_loop_goes_on(raised: BaseException) -> None:
    """Also a cancelled future that it waited for, and though nothing can be logged."""
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps < 3:
            raise raised

    before = structlog.get_config()
    structlog.configure(logger_factory=lambda *_: FullDisk())
    loop = Background("tested", step)
    try:
        loop.start()
        await until(lambda: steps > 5)
        assert loop.holds()
    finally:
        await loop.stop()
        structlog.configure(**before)
    ended = steps
    await asyncio.sleep(0)
    assert steps == ended


async def test_a_step_sets_the_pause_after_it() -> None:
    """A step may return its pause in seconds; without one the loop's own pause is used."""
    pauses = iter([0.0, 0.0])
    steps = 0

    async def step() -> float | None:
        nonlocal steps
        steps += 1
        return next(pauses, None)

    loop = Background("tested", step, every_s=3600.0)
    loop.start()
    await until(lambda: steps == 3)
    await asyncio.sleep(0.05)
    assert steps == 3
    await loop.stop()


async def test_a_loop_that_hangs_does_not_hold_until_it_goes_on() -> None:
    """A long pause is no hang; a long step is one, unless it reports progress."""
    now, go_on, entered = 0.0, asyncio.Event(), asyncio.Event()

    async def step() -> None:
        entered.set()
        await go_on.wait()

    loop = Background("tested", step, every_s=100.0, stale_after_s=10.0, clock=lambda: now)
    assert loop.holds()
    loop.start()
    await entered.wait()
    now = 11.0
    assert not loop.holds()
    loop.beat()
    assert loop.holds()
    now = 22.0
    assert not loop.holds()
    go_on.set()
    await until(loop.holds)
    now = 121.0
    assert loop.holds()
    await loop.stop()
    now = 1_000.0
    assert loop.holds()


async def test_a_loop_that_ended_does_not_hold() -> None:
    """Nobody stopped it, so it is missed."""

    async def step() -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        await asyncio.sleep(0)

    loop = Background("tested", step)
    loop.start()
    await until(lambda: not loop.holds())
    await loop.stop()


async def test_a_loop_that_has_done_its_work_ends_and_holds() -> None:
    """Its step says so; it can be stopped all the same."""
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise Finished

    loop = Background("tested", step)
    loop.start()
    await until(lambda: steps == 2)
    await asyncio.sleep(0.01)
    assert (steps, loop.holds()) == (2, True)
    await loop.stop()


async def test_finish_lets_the_step_under_way_end() -> None:
    """`finish` also wakes a loop that pauses."""
    ended, go_on, entered = [], asyncio.Event(), asyncio.Event()

    async def step() -> float:
        entered.set()
        await go_on.wait()
        ended.append(1)
        return 3_600.0

    loop = Background("tested", step)
    loop.start()
    await entered.wait()
    finishing = asyncio.create_task(loop.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    go_on.set()
    async with asyncio.timeout(WAIT_S):
        await finishing
    assert ended == [1]
    assert loop.holds()


async def test_stop_ends_a_loop_whose_step_loses_the_cancellation() -> None:
    """As `asyncio.wait_for` does up to Python 3.11, when it comes just as the wait is over."""
    steps, entered = 0, asyncio.Event()

    async def step() -> None:
        nonlocal steps
        steps += 1
        entered.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    loop = Background("tested", step)
    for turn in (1, 2):  # and it can be started again
        entered.clear()
        loop.start()
        await entered.wait()
        async with asyncio.timeout(WAIT_S):
            await loop.stop()
        assert steps == turn


@pytest.mark.parametrize("pause_s", [1.0, 1.3, 2.0, 5.0, 20.0])
def test_long_pauses_end_together(pause_s: float) -> None:
    """Whenever loops began: so one wake-up serves all of them. Each is about as long as wanted."""
    beat_s = BEAT_S if pause_s % 2 else 2 * BEAT_S
    ends = set()
    for step in range(300):
        now_s = 1_000.0 + 0.017 * step
        waits_s = to_beat_s(pause_s, now_s)
        assert pause_s - beat_s < waits_s <= pause_s + LATE_S
        assert waits_s > 0
        ends.add(round((now_s + waits_s) / beat_s % 1, 6) % 1)
    assert len(ends) == 1


@pytest.mark.parametrize("pause_s", [1.0, 2.0, 5.0])
def test_a_loop_keeps_its_pace(pause_s: float) -> None:
    """A step begins a little after its beat; the next is then due a whole pause after that beat."""
    now_s = 1_000.0
    now_s += to_beat_s(pause_s, now_s)
    for _ in range(100):
        began_s = now_s
        now_s = began_s + 0.003
        now_s += to_beat_s(pause_s, now_s)
        assert now_s - began_s == pytest.approx(pause_s)


def test_short_pauses_are_as_wanted() -> None:
    assert to_beat_s(0.25, 1_000.1) == 0.25
    assert to_beat_s(0.0, 1_000.1) == 0.0
