"""Processes whose wall clock the test moves while they run; their monotonic clocks go on as before.

By a preloaded library of our own, as no other does it: under libfaketime Envoy never starts, and
Python's `time.sleep` fails once the monotonic clock is left alone. It is compiled when wanted.
Without a C compiler tests skip and say so; where REQUIRE_CC=1, they fail instead.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

__all__ = ["MovedClock"]

SOURCE = Path(__file__).with_suffix(".c")
OFFSET_BYTES = 8


class MovedClock:
    """How far ahead of the machine's the clock of all processes is that get `environment`."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "moved_clock.so"
        self._file = folder / "moved_clock"
        # Written in place from now on: the processes have it mapped.
        self._file.write_bytes(bytes(OFFSET_BYTES))
        _compile(self._library)

    def set(self, ahead_s: int) -> None:
        """Set the clock of all these processes at once, in seconds ahead of the machine's."""
        with self._file.open("r+b") as file:
            file.write(ahead_s.to_bytes(OFFSET_BYTES, "little", signed=True))

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment to start a process with."""
        return {"LD_PRELOAD": str(self._library), "MOVED_CLOCK_FILE": str(self._file)}


def _compile(library: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        missing = "there is no C compiler: apt-get install gcc libc6-dev"
        if os.environ.get("REQUIRE_CC") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE]
    subprocess.run(command, check=True)
