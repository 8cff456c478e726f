"""Servers that a test can hang, kill and start again, each in a process group of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

__all__ = ["Engine", "emulator", "running"]

START_S = 60.0


class Engine:
    """A server in a process group of its own, on one port for life."""

    def __init__(self, command: Sequence[str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [each.format(port=self.port) for each in command]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(
            self._command, stdout=null, stderr=null, start_new_session=True
        )
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self._process.poll() is None, "the engine ended at its start"
            assert time.monotonic() < deadline, "the engine does not start"
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(START_S)
            self._process = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            await_stop(self._process.pid)
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)


def await_stop(group: int) -> None:
    """The signal reaches a thread when it next runs: until then it may answer."""
    deadline = time.monotonic() + START_S
    while any(state != "T" for state in thread_states(group)):
        assert time.monotonic() < deadline, "the engine does not stop"
        time.sleep(0.01)


def thread_states(group: int) -> Iterator[str]:
    for stat in Path("/proc").glob("[0-9]*/task/*/stat"):
        with contextlib.suppress(OSError):
            state, _, member_of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == group and state != "Z":
                yield state


def emulator(program: str, *options: str) -> Engine:
    root = os.environ.get("AVIARY_CLOUD_SDK_ROOT")
    if root is None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["gcloud", "info", "--format=value(installation.sdk_root)"]
            found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
            root = found.stdout.strip()
    path = Path(root or "/nowhere") / "platform" / program
    if not path.exists():
        if os.environ.get("REQUIRE_EMULATORS") == "1":
            pytest.fail(f"{path.name} is missing")
        pytest.skip(f"{path.name} is missing: see gcloud components install")
    return Engine([str(path), *options])


@contextlib.contextmanager
def running(engine: Engine) -> Iterator[Engine]:
    try:
        engine.start()
        yield engine
    finally:
        engine.kill()
