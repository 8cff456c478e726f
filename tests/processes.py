"""Processes that tests start: on ports of the system's choice, ended by their ids."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from services.local.readiness import free_ports

__all__ = ["children", "free_port", "kill_group", "spawn", "wait_for_port"]

START_TIMEOUT_S = 60.0  # Java, on a busy machine
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05


def free_port() -> int:
    """A port that nobody listens on; while this process lives nobody's connection is given it."""
    (port,) = free_ports(1)
    return port


def spawn(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A group of its own, so that whatever it forks ends with it.
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def children(pid: int) -> list[int]:
    """The ids of the processes that one has started and that have not ended."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the engine ended at its start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(POLL_S)
    pytest.fail("the engine did not start in time")
