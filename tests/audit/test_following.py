"""Files of JSON lines that hold what no Envoy writes."""

from pathlib import Path

import pytest

from services.platform.audit import following
from services.platform.audit.following import UNREADABLE, Fields, JsonLines


def test_a_line_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    taken: list[Fields] = []
    lines = JsonLines(tmp_path / "log", taken.extend)
    bad = [b"", b"\xff", b"[" * 200_000, b"[]", b"nothing"]
    (tmp_path / "log").write_bytes(b"\n".join([b'{"n":1}', *bad, b'{"n":2}', b""]))
    lines.read()
    assert taken == [{"n": 1}, *[UNREADABLE] * len(bad), {"n": 2}]


def test_a_line_without_an_end_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_BYTES", 100)
    taken: list[Fields] = []
    lines = JsonLines(tmp_path / "log", taken.extend)
    (tmp_path / "log").write_bytes(b"x" * 250 + b'\n{"n":1}\n{"n":')
    for _ in range(4):
        lines.read()
    assert [each for each in taken if each is not UNREADABLE] == [{"n": 1}]
    with (tmp_path / "log").open("ab") as log:
        log.write(b"2}\n")
    lines.read()
    assert taken[-1] == {"n": 2}
