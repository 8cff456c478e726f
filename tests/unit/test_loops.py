"""The one place that starts what goes on in a process, and stops it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from services.platform.errors import UnavailableError
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness

WAIT_S = 10.0


async def test_loops_are_started_watched_and_stopped_together() -> None:
    """Loops stop in reverse order; those that wait for an event stop whether it came or not."""
    log: list[str] = []

    class Noting:
        def __init__(self, name: str) -> None:
            self.name, self.going = name, True

        async def start(self) -> None:
            log.append(f"start {self.name}")

        async def stop(self) -> None:
            log.append(f"stop {self.name}")

        def holds(self) -> bool:
            return self.going

    readiness, came, never = Readiness(), asyncio.Event(), asyncio.Event()
    first, second, third = Noting("first"), Noting("second"), Noting("third")
    async with AsyncExitStack() as stack:
        loops = Loops(stack, readiness)
        await loops.opened("one", first)
        loops.opened_after("two", second, came)
        loops.opened_after("three", third, never)
        assert log == ["start first"]
        came.set()
        async with asyncio.timeout(WAIT_S):
            while len(log) < 2:  # noqa: ASYNC110 - a list, not an event
                await asyncio.sleep(0.01)
        assert readiness.failing() == []
        second.going = False
        assert readiness.failing() == ["two"]
    assert log == ["start first", "start second", "stop third", "stop second", "stop first"]


async def test_what_does_not_start_at_once_is_started_again() -> None:
    """It is not lost for the rest of the process because the first try failed."""
    tries = 0

    class Reluctant:
        async def start(self) -> None:
            nonlocal tries
            tries += 1
            if tries <= 3:
                raise UnavailableError("not yet")
            started.set()

        async def stop(self) -> None:
            pass

        def holds(self) -> bool:
            return True

    readiness, ready, started = Readiness(), asyncio.Event(), asyncio.Event()
    ready.set()
    async with AsyncExitStack() as stack:
        Loops(stack, readiness).opened_after("reluctant", Reluctant(), ready)
        async with asyncio.timeout(WAIT_S):
            await started.wait()
        assert readiness.failing() == []


async def test_what_takes_work_in_stops_at_the_same_time() -> None:
    """One that waited for another to end would keep this one waiting for ever."""
    together, began = asyncio.Barrier(3), asyncio.Event()

    class Taking:
        stops = 0

        async def start(self) -> None:
            began.set()

        async def stop(self) -> None:
            self.stops += 1
            if self.stops == 1:
                await together.wait()

        def holds(self) -> bool:
            return True

    never = asyncio.Event()
    takers = [Taking(), Taking(), Taking()]
    async with asyncio.timeout(WAIT_S), AsyncExitStack() as stack:
        loops = Loops(stack, Readiness())
        await loops.opened("one", takers[0], intake=True)
        loops.opened_after("two", takers[1], began, intake=True)
        loops.opened_after("three", takers[2], never, intake=True)
        await loops.stop_intake()
        assert [each.stops for each in takers] == [1, 1, 1]
        # Nothing begins once it has been stopped.
        began.clear()
        never.set()
        await asyncio.sleep(0)
        assert not began.is_set()


async def test_one_that_cannot_stop_keeps_no_other_from_it() -> None:
    stopped = asyncio.Event()

    class Taking:
        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            if self.fails:
                self.fails = False
                raise UnavailableError("gone")
            await asyncio.sleep(0)
            stopped.set()

        def holds(self) -> bool:
            return True

    async with AsyncExitStack() as stack:
        loops = Loops(stack, Readiness())
        await loops.opened("one", Taking(fails=True), intake=True)
        await loops.opened("two", Taking(fails=False), intake=True)
        with pytest.raises(UnavailableError):
            await loops.stop_intake()
        assert stopped.is_set()
