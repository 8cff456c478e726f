"""A service that is asked to stop while its start waits for the bus."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

IN_TIME_S = 20
"""A process takes seconds to import and to stop; one that ignores the signal waits for ever."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_start_that_waits_for_the_bus_ends_at_the_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "tweet"),
        env=os.environ
        | {
            "AVIARY_DATA_DIR": str(tmp_path),
            "AVIARY_BUS_VALKEY_URL": nowhere,
            "AVIARY_CACHE_VALKEY_URL": nowhere,
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(IN_TIME_S):
            while b"bus.declare_failed" not in await process.stderr.readline():
                assert not process.stderr.at_eof()
            process.send_signal(number)
            rest = await process.stderr.read()
            assert await process.wait() == 0
        assert b"Traceback" not in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
