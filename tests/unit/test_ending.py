"""A start is cancelled until it ends, whatever loses the cancellation."""

import asyncio
import contextlib
import signal
import subprocess
import sys

import pytest

from services.platform.runtime import ending
from services.platform.runtime.ending import Ending

WAIT_S = 20.0


async def test_what_started_is_given_and_stays() -> None:
    signals = Ending(within_s=1, hurried_s=1)

    async def start() -> str:
        await asyncio.sleep(0)
        return "started"

    assert await signals.unless_wanted(start()) == "started"


async def test_a_start_that_fails_says_so() -> None:
    async def start() -> None:
        raise ValueError("no port")

    with pytest.raises(ValueError, match="no port"):
        await Ending(within_s=1, hurried_s=1).unless_wanted(start())


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_a_lost_cancellation_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """As gRPC loses one that comes when its call has just failed."""
    monkeypatch.setattr(ending, "CANCEL_AGAIN_S", 0.01)
    signals, cancelled = Ending(within_s=1, hurried_s=1), 0

    async def start() -> None:
        nonlocal cancelled
        waiting.set()
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled > lost:
                    raise

    waiting = asyncio.Event()
    started = asyncio.create_task(signals.unless_wanted(start()))
    await waiting.wait()
    signals.ask()
    async with asyncio.timeout(WAIT_S):
        assert await started is None
    assert cancelled == lost + 1


async def test_asked_twice_is_in_a_hurry() -> None:
    signals = Ending(within_s=1, hurried_s=1)
    signals.ask()
    assert (signals.wanted.is_set(), signals.hurried.is_set()) == (True, False)
    signals.ask()
    assert signals.hurried.is_set()


HANGS = """
import asyncio, fcntl, os, sys
from services.platform.runtime.ending import Ending

async def main():
    Ending.by_signals(within_s=1, hurried_s=1)
    held = open(sys.argv[1], "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    print("waits", flush=True)
    fcntl.flock(open(sys.argv[1], "w"), fcntl.LOCK_EX)  # blocks the loop for good

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_kernel_ends_what_blocks_its_loop(tmp_path: object, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS, f"{tmp_path}/lock"], stdout=subprocess.PIPE
    )
    with contextlib.closing(process.stdout) as said:  # type: ignore[type-var]
        assert said is not None
        assert said.readline() == b"waits\n"
        process.send_signal(number)
        try:
            assert process.wait(WAIT_S) == -signal.SIGALRM
        finally:
            process.kill()
            process.wait()


ENDS = """
import asyncio, signal
from services.platform.runtime.ending import Ending

async def main():
    ending = Ending.by_signals(within_s=20, hurried_s=20)
    print("waits", flush=True)
    await ending.wanted.wait()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(
        signal.SIGUSR1, lambda: print("still", ending.hurried.is_set(), flush=True)
    )
    print("wanted", flush=True)
    await ending.hurried.wait()
    print("hurried", flush=True)

asyncio.run(main())
"""


def test_a_terminal_that_closes_lets_calls_end() -> None:
    """It says so twice as a rule: the shell, and then the kernel."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDS],
        stdout=subprocess.PIPE,
        # It may be ignored by whoever runs the tests.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"waits\n"
            process.send_signal(signal.SIGHUP)
            assert process.stdout.readline() == b"wanted\n"
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGUSR1)
            assert process.stdout.readline() == b"still False\n"
        finally:
            process.kill()


def test_what_is_to_outlive_its_terminal_does() -> None:
    """As by `nohup`."""
    with subprocess.Popen(
        ["nohup", sys.executable, "-c", ENDS],  # noqa: S607 - wherever it is
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"waits\n"
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == b"wanted\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == b"hurried\n"
        finally:
            process.kill()
