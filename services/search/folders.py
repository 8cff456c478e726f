"""Where the index of a replica is: each process on a machine has a folder of its own.

Folders are numbered, and whoever starts takes the first that nobody has. So a process that starts
again finds the index that it, or one like it, left there. The lock is the operating system's: it
ends with the process, however that ends.
"""

import fcntl
import json
import os
import shutil
import socket
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final, Self

from services.platform.errors import UnavailableError
from services.platform.files.whole_file import write_whole
from services.search.model import IndexState
from services.search.stemming import ANALYSIS

__all__ = ["IndexFolder"]

MOST_SLOTS: Final = 64
"""Processes on one machine; more than anybody starts."""
_INDEX: Final = f"index.{ANALYSIS}"
_STATE: Final = f"state.{ANALYSIS}.json"
_LOCK: Final = "lock"


class IndexFolder:
    """A folder that is this process's own until `release`; an `IndexStates`."""

    def __init__(self, path: Path, lock: int) -> None:
        self._path = path
        self._lock = lock

    @classmethod
    def claim(cls, parent: Path) -> Self:
        """Take the first free folder in `parent`, which is made where it is missing.

        What an older version of the analysis left in it is removed. Raises `UnavailableError` where
        there is none.
        """
        for slot in range(MOST_SLOTS):
            path = parent / str(slot)
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            _remove_all_but(path, {_LOCK, _INDEX, _STATE})
            return cls(path, lock)
        raise UnavailableError(f"all {MOST_SLOTS} folders of {parent} are taken")

    @property
    def name(self) -> str:
        """Return what operators call this replica."""
        return f"{socket.gethostname()}:{self._path.name}"

    @property
    def index(self) -> Path:
        """Return where the index is."""
        return self._path / _INDEX

    def release(self) -> None:
        """Let others have it."""
        os.close(self._lock)

    async def load(self) -> IndexState | None:
        """Read the state; None where there is none, or none that can be read."""
        try:
            said = json.loads((self._path / _STATE).read_bytes())
            # What an older version did not say has a default.
            names = {each.name for each in fields(IndexState)}
            return IndexState(**{name: said[name] for name in names & said.keys()})
        except (OSError, ValueError, AttributeError, TypeError):
            return None

    async def save(self, state: IndexState) -> None:
        """Replace the state."""
        # A hundred bytes: writing them takes no longer than asking a thread to.
        write_whole(self._path / _STATE, json.dumps(asdict(state)).encode())


def _remove_all_but(path: Path, kept: set[str]) -> None:
    for each in path.iterdir():
        if each.name not in kept:
            with suppress(OSError):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
