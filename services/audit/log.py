"""Writes the audit log of one process."""

import fcntl
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Final, Self

from services.audit.chain import GENESIS, Head, seal
from services.audit.entry import entry_of
from services.audit.files import chains, current, rotated
from services.audit.port import TORN_TAIL, Fact
from services.clock import Clock

__all__ = ["AuditLog"]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Then another file is begun: one that an editor still opens, with some 50,000 events."""

FSYNC_INTERVAL_S: Final = 0.5
"""A killed process loses no entry, as the operating system has each at once; a machine that loses
power loses at most this much. To wait for the disk at each log-in would cost more than it gives."""

MAX_WRITERS: Final = 64
"""Processes of one name on one machine."""

FILE_MODE: Final = 0o600


class AuditLog:
    """An `Audit` of its own file in `folder`, for the life of the process; thread-safe.

    A process whose name a running one has gets `<name>-2` and so on: a chain has one writer.
    """

    def __init__(
        self, folder: Path, name: str, clock: Clock, *, max_bytes: int = MAX_FILE_BYTES
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._clock = clock
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._name, self._owner = _claim(folder, name)
        self._file, self._head, torn = _open(folder, self._name)
        self._size = os.fstat(self._file).st_size
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._sync, name="audit-sync", daemon=True)
        self._syncing.start()
        if torn:
            digest = hashlib.sha256(torn).hexdigest()
            self.record(TORN_TAIL, bytes=len(torn), sha256=digest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Head:
        """The last entry."""
        return self._head

    def record(self, event: str, /, **facts: Fact) -> None:
        """See `Audit.record`."""
        with self._lock:
            entry = entry_of(self._name, event, facts, self._clock.now_ms())
            line, head = seal(entry, self._head)
            self._append(line + b"\n")
            self._head = head
            if self._size >= self._max_bytes:
                self._rotate()
        self._dirty.set()

    def close(self) -> None:
        """Bring everything to the disk; no `record` may follow. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._dirty.set()
        self._syncing.join()
        os.close(self._file)
        os.close(self._owner)

    def _append(self, line: bytes) -> None:
        written = os.write(self._file, line)
        if written != len(line):
            # Half a line would break the chain for good; the disk is full, most likely.
            os.ftruncate(self._file, self._size)
            raise OSError(f"the audit log of {self._name} takes no more")
        self._size += written

    def _rotate(self) -> None:
        os.fsync(self._file)
        current(self._folder, self._name).rename(rotated(self._folder, self._name, self._head.seq))
        # The number stays the same, as the thread that syncs may be using it.
        fresh = _create(current(self._folder, self._name))
        os.dup2(fresh, self._file)
        os.close(fresh)
        self._size = 0

    def _sync(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            os.fsync(self._file)
            self._closing.wait(FSYNC_INTERVAL_S)
        os.fsync(self._file)


def _claim(folder: Path, name: str) -> tuple[str, int]:
    """Find a name that no running process has; it is ours while the descriptor is open."""
    for number in range(1, MAX_WRITERS + 1):
        ours = name if number == 1 else f"{name}-{number}"
        owner = os.open(folder / f"{ours}.lock", os.O_CREAT | os.O_RDWR, FILE_MODE)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(owner)
        else:
            return ours, owner
    raise OSError(f"{folder}: {MAX_WRITERS} processes called {name} write there already")


def _open(folder: Path, name: str) -> tuple[int, Head, bytes]:
    """Open the file to append to; gives it, the head, and what a cut-off writer left behind it."""
    path = current(folder, name)
    file = _create(path)
    whole = path.read_bytes()
    end = whole.rfind(b"\n") + 1
    torn = whole[end:]
    if torn:
        os.ftruncate(file, end)
    if end:
        return file, _head_of(whole[:end]), torn
    older = [one for one in chains(folder).get(name, []) if one != path]
    head = _head_of(older[-1].read_bytes()) if older else Head(-1, GENESIS)
    return file, head, torn


def _head_of(lines: bytes) -> Head:
    """Read the last line. What is no entry is built upon all the same, and `verify` will tell."""
    try:
        last = json.loads(lines.splitlines()[-1])
        return Head(int(last["seq"]), str(last["hash"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return Head(-1, GENESIS)


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, FILE_MODE)
