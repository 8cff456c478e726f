"""The supervisor as a process of its own, with stand-ins for the services."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from tests.processes import children

STAND_IN = Path(__file__).with_name("stand_in_service.py")
ROOT = STAND_IN.parents[2]
DEADLINE_S = 100.0  # a busy machine; below what a test may take


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def running_among(pids: list[int], word: bytes) -> int:
    (pid,) = (pid for pid in pids if word in Path(f"/proc/{pid}/cmdline").read_bytes())
    return pid


class SupervisedRun:
    """One start of the supervisor in `folder`, with its edge on `port`."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        emulators: bool = False,
        sidecars: bool = False,
        before: str = "",
        **env: str,
    ) -> None:
        self.data = folder / "data"
        self.port = port
        self.output = folder / "output"
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$3"\n')
        python.chmod(0o755)
        code = (
            f"import sys, pathlib, services.local.supervisor as s\n{before}\n"
            f"sys.exit(s.run(pathlib.Path({str(self.data)!r}), {port}, {str(python)!r}, "
            f"emulators={emulators}, sidecars={sidecars}))"
        )
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", code],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **env},
                stdout=output,
                stderr=output,
            )

    @property
    def sockets(self) -> Path:
        """Their folder, once it has said so: not in the data folder where its path is long."""
        (admin,) = re.findall(r"curl --unix-socket (\S+)", self.output.read_text())
        return Path(admin).parent

    def health(self) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code
        except httpx.TransportError:
            return 0

    def said(self, text: str) -> bool:
        assert self.process.poll() is None or text in self.output.read_text()
        return text in self.output.read_text()


@contextlib.contextmanager
def ended(running: SupervisedRun) -> Iterator[SupervisedRun]:
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.wait(DEADLINE_S)
