"""How a process waits for its first index, and what it says meanwhile."""

import asyncio

from structlog.testing import capture_logs

from services.platform.observability.log_events import (
    EVENT_SEARCH_INCOMPLETE,
    EVENT_SEARCH_REBUILD_GOES_ON,
)
from services.search.progress import LOG_EVERY_S, BuildProgress, first_build


async def test_it_is_waited_for() -> None:
    complete = asyncio.Event()
    with capture_logs() as logs:
        waiting = asyncio.create_task(first_build("box:0", complete, 60.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        complete.set()
        await waiting
        await first_build("box:0", complete, 0.0)
    assert logs == []


async def test_it_is_not_waited_for_for_ever() -> None:
    with capture_logs() as logs:
        await first_build("box:0", asyncio.Event(), 0.001)
    assert [each["event"] for each in logs] == [EVENT_SEARCH_INCOMPLETE]


def test_progress_is_logged_now_and_then() -> None:
    now_s = 0.0
    progress = BuildProgress("box:0", now_s=lambda: now_s)
    with capture_logs() as logs:
        for percent in range(100):
            now_s += LOG_EVERY_S / 10
            progress.rebuilt(percent)
        progress.rebuilt(100)
    said = [(each["event"], each["percent"]) for each in logs]
    assert said == [(EVENT_SEARCH_REBUILD_GOES_ON, percent) for percent in range(9, 100, 10)]
