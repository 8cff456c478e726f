"""Where nothing outlives a container, the chain is in its log lines, and verifies from there."""

import errno
import io
import json
from pathlib import Path

import pytest

from services.platform.audit.chain import ChainError, verify
from services.platform.audit.port import UnwrittenError
from services.platform.audit.stream import AuditStream
from services.platform.runtime.clock import SystemClock


def test_lines_of_one_start_are_a_chain(tmp_path: Path) -> None:
    out = io.BytesIO()
    first, second = (AuditStream(out.write, "tweet", SystemClock()) for _ in range(2))
    for number in range(3):
        first.record("admin.called", number=number)
        second.record("admin.called", number=number)
        out.write(b'{"event": "rpc.handled"}\n')
    chains: dict[str, list[str]] = {}
    for line in out.getvalue().decode().splitlines():
        if "process" in json.loads(line):
            chains.setdefault(json.loads(line)["process"], []).append(line + "\n")
    assert len(chains) == 2
    for name, lines in chains.items():
        collected = tmp_path / f"{name}.log"
        collected.write_text("".join(lines))
        assert verify([collected]).seq == 2
        collected.write_text("".join(lines[:1] + lines[2:]))
        with pytest.raises(ChainError):
            verify([collected])


def test_an_entry_that_was_not_written_is_not_in_the_chain(tmp_path: Path) -> None:
    """The log finds room again: the chain goes on from what it has."""
    written: list[bytes] = []
    room = True

    def write(line: bytes) -> None:
        if not room:
            raise OSError(errno.ENOSPC, "no room")
        written.append(line)

    stream = AuditStream(write, "tweet", SystemClock())
    stream.record("admin.called", number=1)
    room = False
    with pytest.raises(UnwrittenError):
        stream.record("admin.called", number=2)
    room = True
    stream.record("admin.called", number=3)
    collected = tmp_path / "collected.log"
    collected.write_bytes(b"".join(written))
    assert verify([collected]).seq == 1
