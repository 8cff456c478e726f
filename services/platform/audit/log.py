"""Writes the audit log of one process."""

import errno
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import structlog

from services.platform.audit.chain import GENESIS, Head, seal
from services.platform.audit.entry import entry_of
from services.platform.audit.files import chains, current, rotated
from services.platform.audit.port import DISPLACED, TORN_TAIL, Fact, UnwrittenError
from services.platform.observability.log_events import EVENT_AUDIT_DISPLACED
from services.platform.runtime.clock import Clock

__all__ = ["AuditLog"]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Then another file is begun: one that an editor still opens, with some 50,000 events."""

FSYNC_INTERVAL_S: Final = 0.5
"""A killed process loses no entry, as the operating system has each at once; a machine that loses
power loses at most this much. To wait for the disk at each log-in would cost more than it gives."""

LOOK_INTERVAL_S: Final = 2.0
"""Between looks at whether the file is still there, while nothing is written."""

MAX_WRITERS: Final = 64
"""Processes of one name on one machine."""

FILE_MODE: Final = 0o600

_log = structlog.get_logger()


class AuditLog:
    """An `Audit` of its own file in `folder`, for the life of the process; thread-safe.

    A process whose name a running one has gets `<name>-2` and so on: a chain has one writer. A file
    that is moved, removed, replaced or changed meanwhile is noticed within seconds: the
    log goes on in a file of the name, where the next entry says so and `verify` misses the rest.
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
        self._file, self._head, self._torn = _open(folder, self._name)
        self._size = os.fstat(self._file).st_size
        self._cut = False
        self._there = True
        """Whether there is a file of its name to write to."""
        self._displaced = ""
        """What somebody did to the file, for the next entry to say."""
        self._dirty = threading.Event()
        self._synced = True
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._sync, name="audit-sync", daemon=True)
        self._syncing.start()
        with suppress(UnwrittenError), self._lock:
            # Or before the next entry, where there is no room now.
            self._record_what_was_done_to_it()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Head:
        """The last entry."""
        return self._head

    def record(self, event: str, /, **facts: Fact) -> None:
        """Append an event; raises `UnwrittenError` when it cannot be written."""
        with self._lock:
            self._record_what_was_done_to_it()
            self._record(event, facts)
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

    def holds(self) -> bool:
        """Whether entries still reach the disk, and not the operating system alone."""
        return self._closing.is_set() or (self._syncing.is_alive() and self._synced and self._there)

    def _record_what_was_done_to_it(self) -> None:
        self._displaced = self._displaced or self._found_displaced()
        if self._torn:
            digest = hashlib.sha256(self._torn).hexdigest()
            self._record(TORN_TAIL, {"bytes": len(self._torn), "sha256": digest})
            self._torn = b""
        if self._displaced:
            self._record(DISPLACED, {"how": self._displaced, "after": self._head.seq})
            _log.error(EVENT_AUDIT_DISPLACED, file=f"{self._name}.log", how=self._displaced)
            self._displaced = ""

    def _found_displaced(self) -> str:
        """Say what somebody did to the file, nothing as a rule; from then on write to its name."""
        path = current(self._folder, self._name)
        ours = os.fstat(self._file)
        try:
            # A link that leads back to our file is not our file.
            if os.path.lexists(path):
                there = path.lstat()
                if there.st_ino == ours.st_ino and (self._cut or there.st_size == self._size):
                    self._there = True
                    return ""
                how = "changed" if there.st_ino == ours.st_ino else "replaced"
            else:
                how = "moved or removed"
            # Not what it is in: that may be on its way elsewhere, and must not be made twice.
            self._folder.mkdir(exist_ok=True, mode=0o700)
            fresh = _create(path)
        except OSError as error:
            self._there = False
            raise UnwrittenError from error
        self._there = True
        # The number stays the same, as the thread that syncs may be using it.
        os.dup2(fresh, self._file)
        os.close(fresh)
        self._size = os.fstat(self._file).st_size
        return how

    def _record(self, event: str, facts: Mapping[str, Fact]) -> None:
        entry = entry_of(self._name, event, facts, self._clock.now_ms())
        line, head = seal(entry, self._head)
        try:
            self._append(line + b"\n")
        except OSError as error:
            raise UnwrittenError from error
        self._head = head
        if self._size >= self._max_bytes:
            # The entry is written: what hinders the next file is no reason to say that it is not.
            with suppress(OSError):
                self._rotate()

    def _append(self, line: bytes) -> None:
        # Half a line would break the chain for good: a full disk took the beginning of the last.
        if self._cut:
            os.ftruncate(self._file, self._size)
            self._cut = False
        written = os.write(self._file, line)
        if written != len(line):
            self._cut = True
            os.ftruncate(self._file, self._size)
            self._cut = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _rotate(self) -> None:
        os.fsync(self._file)
        # Made before the full one has gone: without a file of the current name, all that follows
        # would fail.
        fresh_path = self._folder / f".{self._name}.new"
        fresh = _create(fresh_path)
        try:
            path = current(self._folder, self._name)
            with suppress(FileNotFoundError):  # of a rotation that came no further than this
                path.rename(rotated(self._folder, self._name, self._head.seq))
            fresh_path.rename(path)
            # The number stays the same, as the thread that syncs may be using it.
            os.dup2(fresh, self._file)
            self._size = 0
        finally:
            os.close(fresh)

    def _sync(self) -> None:
        while not self._closing.is_set():
            if self._dirty.wait(LOOK_INTERVAL_S):
                self._dirty.clear()
                self._try_to_sync()
                self._closing.wait(FSYNC_INTERVAL_S)
            # What fails here is tried again, here and before the next entry.
            with suppress(UnwrittenError), self._lock:
                self._record_what_was_done_to_it()
        self._try_to_sync()

    def _try_to_sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError:
            # Tried again: nobody would start this thread anew.
            self._synced = False
            self._dirty.set()
        else:
            self._synced = True


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
    """Read the last line. What is no entry is built upon all the same: `verify` reports it."""
    try:
        last = json.loads(lines.splitlines()[-1])
        return Head(int(last["seq"]), str(last["hash"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return Head(-1, GENESIS)


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW, FILE_MODE)
