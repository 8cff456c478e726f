"""Standard output and error that never fail: what cannot be written is dropped, and counted.

A process's log lies on a disk that may be full, or goes to a reader that has gone or stands still.
None of it may stop the program: `print`, a warning, a log line in the middle of an `except` must
neither raise nor wait.
"""

import errno
import io
import json
import os
import select
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry import metrics

from services.platform.observability.log_events import EVENT_LOG_DROPPED
from services.platform.observability.names import METRIC_LOG_DROPPED, SCOPE

__all__ = ["STDERR", "DroppingOutput", "LineWriter", "error_lines", "protect_output"]

STDOUT, STDERR = 1, 2


READER_MS = 50
"""A reader that is busy has this long to make room; one that has not is waited for no more, until
it reads again."""


class LineWriter:
    """Writes lines to a descriptor, each whole or cut off and ended; thread-safe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._cut = False
        self._room: select.poll | None = None
        self._stands_still = False
        if not _is_file(descriptor):
            self._room = select.poll()
            self._room.register(descriptor, select.POLLOUT)

    def write(self, lines: bytes) -> None:
        """Write them. Raises `OSError` unless all of it was written."""
        with self._lock:
            # The disk filled up in the middle of the last line: this one must not go on from there.
            rest = memoryview(b"\n" + lines if self._cut else lines)
            while rest:
                written = self._write_some(rest)
                rest = rest[written:]
                self._cut = bool(rest)

    def _write_some(self, rest: memoryview) -> int:
        if self._room is None:
            return os.write(self._descriptor, rest)
        # What is said to have room takes so much at once; more could wait for the reader.
        self._stands_still = not self._room.poll(0 if self._stands_still else READER_MS)
        if self._stands_still:
            raise BlockingIOError(errno.EAGAIN, "the reader stands still")
        return os.write(self._descriptor, rest[: select.PIPE_BUF])


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False  # it is closed, as writing to it will say


class DroppingOutput(io.RawIOBase):
    """A file whose `write` always succeeds; says how much was lost when it can write again."""

    def __init__(self, lines: LineWriter, notice: Callable[[int], str]) -> None:
        super().__init__()
        self.lines = lines
        """For those who must know whether a line was written."""
        self._notice = notice
        self.lost = 0
        """Lines dropped since the process began."""
        self._dropped = 0

    def writable(self) -> bool:
        """Return True: text streams ask before they use it."""
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer, which 3.11 has no name for
        """Write, or drop and count."""
        written = bytes(data)
        try:
            if self._dropped:
                self.lines.write(f"{self._notice(self._dropped)}\n".encode())
                self._dropped = 0
            self.lines.write(written)
        except OSError:
            self._dropped += 1
            self.lost += 1
        return len(written)


def protect_output(service: str) -> None:
    """Make this process's standard output and error never fail; idempotent."""

    def notice(lines: int) -> str:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        fields = {"event": EVENT_LOG_DROPPED, "level": "warning", "service": service}
        return json.dumps({"lines": lines, **fields, "timestamp": at})

    if error_lines() is None:
        outputs = [DroppingOutput(LineWriter(each), notice) for each in (STDOUT, STDERR)]
        sys.stdout, sys.stderr = map(_text, outputs)
        _observe(outputs)


def error_lines() -> LineWriter | None:
    """Return the writer beneath standard error, for those whose lines must not be dropped.

    None where it is not protected.
    """
    below = getattr(sys.stderr, "buffer", None)
    return below.lines if isinstance(below, DroppingOutput) else None


def _observe(outputs: Sequence[DroppingOutput]) -> None:
    def observe(_options: object) -> list[metrics.Observation]:
        return [metrics.Observation(sum(each.lost for each in outputs))]

    # Observed, so that the series is there before the first line is lost.
    meter = metrics.get_meter(SCOPE)
    meter.create_observable_counter(METRIC_LOG_DROPPED, [observe], unit="{line}")


def _text(raw: DroppingOutput) -> io.TextIOWrapper:
    # By the line, as a terminal has it: whoever reads along sees each as it comes.
    return io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[arg-type]
