"""A supervised process."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from services.local import child as supervised
from services.local.child import Child

WITHIN_S = 60.0


async def test_one_slow_to_start_outlives_the_signal_to_open_its_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "HANDLES_SIGNALS_AFTER_S", 0.0)
    log, asked = tmp_path / "slow.log", tmp_path / "asked"
    # Says so when it is there, and again when it is asked to, after the signal was sent.
    program = f"""
import pathlib, time
print("up", flush=True)
while not pathlib.Path({str(asked)!r}).exists():
    time.sleep(0.01)
print("still up", flush=True)
time.sleep(600)
"""
    argv = [sys.executable, "-c", program]
    one = Child("slow", 0, argv, log, appends=(tmp_path / "not yet there.log",))
    one.start()
    try:
        await asyncio.to_thread(said, log, "up\n")
        one.rotate()
        asked.touch()
        await asyncio.to_thread(said, log, "up\nstill up\n")
    finally:
        await one.stop(asyncio.Event())


def said(log: Path, all_of_it: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not log.exists() or len(log.read_text()) < len(all_of_it):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert log.read_text() == all_of_it
