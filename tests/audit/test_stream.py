"""Where nothing outlives a container, the chain is in its log lines, and verifies from there."""

import io
import json
from pathlib import Path

import pytest

from services.audit.chain import ChainError, verify
from services.audit.stream import AuditStream
from services.clock import SystemClock


def test_lines_of_one_start_are_a_chain(tmp_path: Path) -> None:
    out = io.StringIO()
    first, second = (AuditStream(out, "tweet", SystemClock()) for _ in range(2))
    for number in range(3):
        first.record("admin.called", number=number)
        second.record("admin.called", number=number)
        out.write('{"event": "rpc.handled"}\n')
    chains: dict[str, list[str]] = {}
    for line in out.getvalue().splitlines():
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
