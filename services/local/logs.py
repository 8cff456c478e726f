"""Log files of bounded size: `x.log`, and before it `x.log.1`, `x.log.2` and so on.

What a child prints comes through a pipe and is written here: a child never waits for a disk, and
what has no room is dropped and counted. Files that a child appends to itself, as Envoy does to its
access log, are renamed beneath it; it then opens them anew on a signal (SIGUSR1).
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic.dataclasses import dataclass

from services.local.errors import StartError
from services.platform.config.environment import CONFIG, read
from services.platform.config.errors import SettingsError
from services.platform.config.values import whole_number
from services.platform.observability.output import LineWriter

__all__ = ["LogLimits", "RotatingLog", "pump", "rotate_beneath"]

DEFAULT_FILE_MB = 10
"""One that an editor still opens."""
DEFAULT_FILES = 5
"""Of each log, so that some thirty logs are at most 1.5 GB."""
MAX_FILE_MB = 10_000
MIN_FILES = 2
MAX_FILES = 1_000
MB = 1_000_000

REPEATS_MOST = 1_000
"""Lines in a row, within `REPEATS_S`, that differ in digits only. More say nothing new: a process
out of descriptors says so 100 000 times a second, which would drive all else out of its log."""
REPEATS_S = 1.0
DIGITS = b"0123456789"

READ_BYTES = 65_536
"""What a pipe holds."""
LINE_MAX_BYTES = 1_000_000
"""A longer line is written in pieces."""
GATHER_S = 0.02
"""Pause between reads, so that a busy child's lines come together and do not cost a wake-up each.
The pipe takes 3 MB a second meanwhile before the child would wait."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class _Variables:
    """The limits, as whoever starts everything gives them."""

    log_file_mb: Annotated[int, whole_number(least=1, most=MAX_FILE_MB)] = DEFAULT_FILE_MB
    log_files: Annotated[int, whole_number(least=MIN_FILES, most=MAX_FILES)] = DEFAULT_FILES


@dataclasses.dataclass(frozen=True, slots=True)
class LogLimits:
    """How large a log may become."""

    file_bytes: int = DEFAULT_FILE_MB * MB
    files: int = DEFAULT_FILES
    """Of one log, the one that is written to among them."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read `AVIARY_LOG_FILE_MB` and `AVIARY_LOG_FILES`; raises `StartError`."""
        try:
            found = read(_Variables, environment)
        except SettingsError as error:
            raise StartError(str(error)) from error
        return cls(found.log_file_mb * MB, found.log_files)


class RotatingLog:
    """Appends lines to a file that is set aside when it is full; never raises."""

    def __init__(
        self,
        path: Path,
        limits: LogLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._limits = limits
        self._repeats = _Repeats(clock)
        self._descriptor: int | None = None
        self._lines: LineWriter | None = None
        self._size = 0
        self._dropped = 0

    def write(self, lines: bytes) -> None:
        """Append whole lines, or drop them and say how many when there is room again."""
        lines = self._repeats.bounded(lines)
        try:
            if self._dropped:
                self._append(b"(%d lines could not be written here)\n" % self._dropped)
                self._dropped = 0
            self._append(lines)
        except OSError:
            self._dropped += lines.count(b"\n")

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        descriptor, self._descriptor, self._lines = self._descriptor, None, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _append(self, lines: bytes) -> None:
        if self._descriptor is not None and not self._is_there(self._descriptor):
            self.close()  # somebody moved or removed it
        writer = self._lines or self._opened()
        if self._size and self._size + len(lines) > self._limits.file_bytes:
            self.close()
            _set_aside(self._path, self._limits.files)
            writer = self._opened()
        writer.write(lines)
        self._size += len(lines)

    def _is_there(self, descriptor: int) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _opened(self) -> LineWriter:
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o666)
        self._size = os.fstat(self._descriptor).st_size
        self._lines = LineWriter(self._descriptor)
        return self._lines


class _Repeats:
    """Leaves out lines that say the same again and again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kind = b""
        self._since = 0.0
        self._seen = 0
        self._left_out = 0

    def bounded(self, lines: bytes) -> bytes:
        """Return what of `lines` is to be written."""
        now = self._clock()
        kept = []
        for line in lines.splitlines(keepends=True):
            kind = line.translate(None, DIGITS)
            if kind != self._kind or now - self._since > REPEATS_S:
                if self._left_out:
                    kept.append(b"(%d more lines like the one above)\n" % self._left_out)
                self._kind, self._since, self._seen, self._left_out = kind, now, 0, 0
            self._seen += 1
            if self._seen > REPEATS_MOST:
                self._left_out += 1
            else:
                kept.append(line)
        return b"".join(kept)


def pump(descriptor: int, log: RotatingLog) -> None:
    """Write what comes from a pipe into a log until the pipe's other end is closed."""
    rest = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, READ_BYTES):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            if len(rest) > LINE_MAX_BYTES:
                whole, newline, rest = whole + newline + rest, b"\n", b""
            if newline:
                log.write(whole + newline)
            time.sleep(GATHER_S)
    if rest:
        log.write(rest + b"\n")
    os.close(descriptor)
    log.close()


def rotate_beneath(path: Path, limits: LogLimits) -> bool:
    """Set a file aside that another program appends to, if it is full.

    Says whether the program is to open it anew, as it also is when somebody moved or removed it. A
    new one is there before the old one has gone: the program must find one it can open. Raises
    `OSError`, and then all is as it was.
    """
    try:
        if path.stat().st_size <= limits.file_bytes:
            return False
    except FileNotFoundError:
        return True
    fresh = path.with_name(f".{path.name}.new")
    os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, path.stat().st_mode & 0o777))
    _set_aside(path, limits.files)
    fresh.replace(path)
    return True


def _set_aside(path: Path, files: int) -> None:
    """Rename each file of a log to the next older one's name; the oldest goes."""
    for number in range(files - 1, 0, -1):
        newer = path if number == 1 else _older(path, number - 1)
        with contextlib.suppress(FileNotFoundError):
            newer.replace(_older(path, number))
    # Where fewer are to be kept than were.
    number = files
    while _older(path, number).exists():
        _older(path, number).unlink()
        number += 1


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
