"""Holding up the writers of SQLite files for a moment that ends by itself.

    python -m services.local.backup.holding FILE ...

A process of its own takes the write lock of each file, says `held`, and gives them back when it is
told to on standard input, or nobody has after `HOLD_S`. Whoever copies files may be stopped in
between, as by Ctrl-Z, or killed: writers then wait no longer than this. If the holder is stopped
itself, the kernel kills it after `KILLED_S`, by a timer of which it cannot be kept.
"""

import ctypes
import selectors
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from services.local.backup.errors import BackupError, BusyError
from services.platform.runtime.parent_death import die_with_parent

__all__ = ["HOLD_S", "PRIMARY_CODE", "held"]

HOLD_S: Final = 2.0
"""Longest that writers are held up; they bear three seconds before they refuse their callers."""
KILLED_S: Final = 3
"""From when the first lock is taken."""
START_S: Final = 60.0
"""For the holder's start, on a busy machine; nobody is held up yet."""
END_S: Final = 10.0
HELD: Final = b"held\n"
GIVEN_BACK: Final = b"given back\n"
BUSY: Final = b"busy\n"
PRIMARY_CODE: Final = 0xFF
"""The part of SQLite's error code that says what."""
CLOCK_MONOTONIC: Final = 1
SIGEVENT_INTS: Final = 16
"""`struct sigevent` of Linux has 64 bytes."""


@contextmanager
def held(paths: Sequence[Path]) -> Iterator[None]:
    """Keep everybody from writing to the files until the end.

    Raises `BusyError` where writers leave no gap, and at the end when the locks have lapsed: what
    was seen in between is then of no one moment. Raises `BackupError` where a file cannot be
    opened.
    """
    command = [sys.executable, "-m", "services.local.backup.holding", *map(str, paths)]
    holder = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        _require(_said(holder, START_S))
        yield
        if _asked_back(holder) != GIVEN_BACK:
            raise BusyError("writers were not held up all the time")
    finally:
        holder.kill()
        holder.communicate()


def _require(said: bytes) -> None:
    if said == BUSY:
        raise BusyError("a writer leaves no gap")
    if said != HELD:
        raise BackupError(f"rows cannot be read: {said.decode().strip() or 'nobody can hold them'}")


def _asked_back(holder: "subprocess.Popen[bytes]") -> bytes:
    assert holder.stdin is not None  # noqa: S101 - it was asked for
    try:
        holder.stdin.write(b"\n")
        holder.stdin.flush()
    except BrokenPipeError:
        return b""
    return _said(holder, END_S)


def _said(holder: "subprocess.Popen[bytes]", within_s: float) -> bytes:
    """Read its next line; nothing where it ends, or says nothing."""
    assert holder.stdout is not None  # noqa: S101 - as above
    return holder.stdout.readline() if _is_readable(holder.stdout, within_s) else b""


def _is_readable(file: IO[Any], within_s: float) -> bool:
    """Wait for something to read, or the end; also where more than 1,024 files are open."""
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(max(0.0, within_s)))


def _hold(paths: Sequence[str]) -> bytes:
    """Hold the locks until standard input has something, or the time is up; say how it ended."""
    deadline = time.monotonic() + HOLD_S
    with ExitStack() as stack:
        _kill_me_in(KILLED_S)
        for path in paths:
            # Opened as a URI, so that a file that is gone is an error and not a new one.
            uri = f"{Path(path).absolute().as_uri()}?mode=rw"
            left_s = max(0.0, deadline - time.monotonic())
            opened = sqlite3.connect(uri, uri=True, timeout=left_s, isolation_level=None)
            # Takes the one lock for writing, and changes nothing.
            stack.enter_context(closing(opened)).execute("BEGIN IMMEDIATE")
        _say(HELD)
        told = _is_readable(sys.stdin, deadline - time.monotonic())
        # It may have been stopped since: only what is told in time counts.
        in_time = told and time.monotonic() <= deadline
    return GIVEN_BACK if in_time else b""


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _kill_me_in(seconds: int) -> None:
    """Have the kernel send SIGKILL, the one signal that ends a stopped process (Linux)."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # sigev_value (two ints), sigev_signo, sigev_notify: 0 is a signal.
    event = (ctypes.c_int * SIGEVENT_INTS)(0, 0, signal.SIGKILL, 0)
    timer = ctypes.c_void_p()
    # it_interval and it_value, each of seconds and nanoseconds.
    value = (ctypes.c_long * 4)(0, 0, seconds, 0)
    made = libc.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer))
    if made or libc.timer_settime(timer, 0, ctypes.byref(value), None):
        raise OSError(ctypes.get_errno(), "no timer to end the lock by")


def main() -> None:
    """Hold what the command line names, and say how that went in one line."""
    die_with_parent()
    try:
        _say(_hold(sys.argv[1:]))
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        is_busy = code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        _say(BUSY if is_busy else f"{error}\n".encode())


if __name__ == "__main__":
    main()
