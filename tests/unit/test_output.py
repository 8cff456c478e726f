"""A process's log on a disk without room: nothing fails, and what was lost is reported."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.platform.observability.output import DroppingOutput, LineWriter

WAITED_FOR_S = 5.0
PROGRAM = """
import asyncio, logging, sys, warnings
import click, structlog
from services.platform.observability.setup import configure

configure("tested", None, "info")
for _ in range(3):
    structlog.get_logger().warning("one")
    logging.getLogger("library").error("two %s", 2)
    logging.getLogger("library").error("does not fit %d", "x")
    print("three", file=sys.stderr)
    print("four", flush=True)
    click.echo("five")
    click.echo("six", err=True)
    warnings.warn("seven")

async def failing():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    asyncio.get_running_loop().create_task(asyncio.sleep(0)).add_done_callback(lambda _: 1 / 0)
    await asyncio.sleep(0.01)

asyncio.run(failing())
"""


@pytest.mark.parametrize("closed", [False, True])
def test_nothing_that_is_printed_or_logged_fails(closed: bool) -> None:  # noqa: FBT001 - a parameter
    """Neither on a full disk nor when the reader has gone; nor does the interpreter's end."""
    if closed:
        reader, output = os.pipe()
        os.close(reader)
    else:
        output = os.open("/dev/full", os.O_WRONLY)
    try:
        done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=output, stderr=output)  # noqa: PLW1510 - asserted
    finally:
        os.close(output)
    assert done.returncode == 0


def test_a_reader_that_stands_still_is_not_waited_for() -> None:
    """It gets what the pipe held, how much was lost, and what follows."""
    reader, descriptor = os.pipe()
    output = DroppingOutput(LineWriter(descriptor), lambda lines: f"{lines} lost")
    line = b"x" * 9_999 + b"\n"
    writing = threading.Thread(target=lambda: [output.write(line) for _ in range(100)], daemon=True)
    writing.start()
    writing.join(WAITED_FOR_S)
    assert not writing.is_alive()
    assert 0 < output.lost < 100
    held = os.read(reader, 1_000_000)
    assert held.startswith(line)
    output.write(b"again\n")
    os.close(descriptor)
    # The line that was cut off is ended.
    assert os.read(reader, 1_000_000) == b"\n%d lost\nagain\n" % output.lost
    os.close(reader)


class Full:
    """A writer that has room, or not."""

    def __init__(self) -> None:
        self.room = True
        self.written: list[bytes] = []

    def write(self, lines: bytes) -> None:
        """Write as `LineWriter` does."""
        if not self.room:
            raise OSError(errno.ENOSPC, "no room")
        self.written.append(lines)


def test_what_was_dropped_is_reported_in_one_line() -> None:
    """As soon as there is room again, before the next line."""
    full = Full()
    output = DroppingOutput(full, lambda lines: json.dumps({"lines": lines}))  # type: ignore[arg-type]
    for room in (True, False, False, False, True, True):
        full.room = room
        assert output.write(b"line\n") == 5
    assert full.written == [b"line\n", b'{"lines": 3}\n', b"line\n", b"line\n"]


def test_a_line_that_was_cut_off_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next line starts on a line of its own."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    lines = LineWriter(descriptor)
    real: Callable[[int, bytes], int] = os.write

    def filling(file: int, data: memoryview) -> int:
        if len(data) < 8:
            raise OSError(errno.ENOSPC, "no room")
        return real(file, bytes(data[:4]))

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(OSError, match="no room"):
        lines.write(b"first li\n")
    monkeypatch.setattr(os, "write", real)
    lines.write(b"second\n")
    lines.write(b"third\n")
    os.close(descriptor)
    assert path.read_bytes() == b"firs\nsecond\nthird\n"
