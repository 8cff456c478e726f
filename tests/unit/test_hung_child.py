"""A supervised process that hangs, or only seems to."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.local import child as supervised
from services.local.child import Child, Reason
from services.local.signs import Beats
from services.platform.observability.log_events import EVENT_PROCESS_HUNG
from services.platform.runtime.liveness import FAILURES, STARTING

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 60.0
# Beats every few milliseconds; asked to, its loop blocks for good, and SIGTERM cannot end it.
PROGRAM = """
import asyncio, os, pathlib, signal, sys, threading
from services.platform.runtime.heartbeat import Heartbeat
heart, block, beats = Heartbeat(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]), 0
signal.signal(signal.SIGTERM, lambda *_: None)
async def main():
    while not block.exists():
        heart.beat()
        await asyncio.sleep(0.005)
    print(f"{os.getpid()} blocks", flush=True)
    block.unlink()
    deadlocked = threading.Lock()
    deadlocked.acquire()
    deadlocked.acquire()
asyncio.run(main())
"""


class World:
    def __init__(self, folder: Path) -> None:
        self.log, self.block = folder / "one.log", folder / "block"
        self.restarts: list[tuple[str, Reason]] = []
        self.beats = Beats.new("one")
        argv = [sys.executable, "-c", PROGRAM, str(self.beats.path), str(self.block)]
        env = {"PYTHONPATH": str(ROOT)}
        self.child = Child("one", 0, argv, self.log, env, sign=self.beats)
        self.child.when_restarted = lambda name, reason: self.restarts.append((name, reason))

    @property
    def pid(self) -> int:
        process = self.child._process
        return 0 if process is None or process.returncode is not None else process.pid

    async def lives(self, *, but: int = 0) -> int:
        """Wait until a process other than `but` has been seen to live; give its id."""
        await until(lambda: self.pid not in {0, but})
        await self.beat()
        await self.child.look(lambda: True)
        return self.pid

    async def beat(self) -> None:
        began = self.count()
        await until(lambda: self.count() > began)

    def count(self) -> int:
        return int.from_bytes(self.beats.path.read_bytes(), "little")

    async def look(self, times: int, *, awake: bool = True) -> None:
        for _ in range(times):
            await self.child.look(lambda: awake)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(supervised, "HUNG_GRACE_S", 0.05)
    monkeypatch.setattr(supervised, "BACKOFF_FIRST_S", 0.01)
    world = World(tmp_path)
    world.child.stop_timeout_s = 0.05
    world.child.start()
    yield world
    if world.pid:
        os.kill(world.pid, signal.SIGCONT)
    await world.child.stop(asyncio.Event())


async def test_one_that_is_stopped_is_started_again(world: World) -> None:
    first = await world.lives()
    stop(first)
    await world.look(FAILURES)
    assert await world.lives(but=first) != first
    assert world.restarts == [("one", "hung")]
    event = json.loads(world.log.read_text())
    assert (event["event"], event["looks"]) == (EVENT_PROCESS_HUNG, FAILURES)
    assert event["outcome"] == "ended with code -9"


async def test_one_whose_loop_is_blocked_is_started_again(world: World) -> None:
    first = await world.lives()
    world.block.touch()
    await until(lambda: world.log.exists() and f"{first} blocks" in world.log.read_text())
    # It may have beaten since the last look.
    await world.look(1 + FAILURES)
    assert await world.lives(but=first) != first


async def test_one_that_is_stopped_before_the_first_look_is_started_again(world: World) -> None:
    await until(lambda: world.pid != 0)
    await world.beat()
    stop(first := world.pid)
    await world.look(1 + FAILURES)
    assert await world.lives(but=first) != first


async def test_one_that_never_gives_a_sign_is_started_again(world: World) -> None:
    world.block.touch()
    await until(lambda: world.log.exists() and "blocks" in world.log.read_text())
    first, beats = world.pid, world.count()
    world.child.sign.begins()  # type: ignore[union-attr] - as if it had not beaten before
    await world.look(STARTING - 1)
    assert (world.pid, world.count()) == (first, beats)
    await world.look(1)
    assert await world.lives(but=first) != first


async def test_one_that_goes_on_in_time_is_left_alone(world: World) -> None:
    first = await world.lives()
    for _ in range(2):
        stop(first)
        await world.look(FAILURES - 1)
        os.kill(first, signal.SIGCONT)
        await world.beat()
        await world.look(1)
    assert world.pid == first
    assert world.restarts == []


async def test_one_that_stood_still_with_the_supervisor_is_left_alone(world: World) -> None:
    first = await world.lives()
    stop(first)
    await world.look(2 * FAILURES, awake=False)
    os.kill(first, signal.SIGCONT)
    await world.beat()
    await world.look(1)
    await world.look(FAILURES - 1)
    assert world.pid == first
    assert world.restarts == []


async def test_one_that_dies_is_no_hung_one(world: World) -> None:
    first = await world.lives()
    os.kill(first, signal.SIGKILL)
    await world.lives(but=first)
    assert world.restarts == [("one", "ended")]
    assert not world.log.read_bytes()


def stop(pid: int) -> None:
    """Stop all of its threads; it may still beat until then."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + WITHIN_S
    while any(_state(stat) != "T" for stat in Path(f"/proc/{pid}/task").glob("*/stat")):
        assert time.monotonic() < deadline


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.005)
