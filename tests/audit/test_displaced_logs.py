"""What is done to the file of an audit log while it is written."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.platform.audit.chain import ChainError, verify
from services.platform.audit.log import AuditLog
from services.platform.audit.port import UnwrittenError
from services.platform.runtime.clock import SystemClock
from tests.audit.waits import until


def appended_to(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n")


def replaced_by_less(path: Path) -> None:
    """As an editor does that somebody has used."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    fresh.replace(path)


DONE_TO_IT: dict[str, tuple[Callable[[Path], object], str]] = {
    "moved": (lambda path: path.rename(path.with_name("away")), "moved or removed"),
    "removed": (lambda path: path.unlink(), "moved or removed"),
    "replaced": (replaced_by_less, "replaced"),
    "emptied": (lambda path: os.truncate(path, 0), "changed"),
    "written to by another": (appended_to, "changed"),
    "moved with its folder": (
        lambda path: path.parent.rename(path.parent.with_name("away")),
        "moved or removed",
    ),
}


@pytest.mark.parametrize("what", DONE_TO_IT)
@pytest.mark.parametrize("goes_on", [True, False])
def test_what_is_done_to_a_log_that_is_written_is_noticed(
    tmp_path: Path, what: str, *, goes_on: bool
) -> None:
    do, how = DONE_TO_IT[what]
    path = tmp_path / "audit" / "issuer.log"
    with AuditLog(tmp_path / "audit", "issuer", SystemClock()) as log:
        for _ in range(3):
            log.record("login.succeeded")
        do(path)
        if goes_on:
            log.record("login.succeeded")
        until(lambda: log.head.seq == 3 + goes_on)
        until(lambda: path.exists() and b"audit.displaced" in path.read_bytes())
        assert log.holds()
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    (displaced,) = (entry for entry in entries if entry.get("event") == "audit.displaced")
    assert displaced["facts"] == {"how": how, "after": 2}
    with pytest.raises(ChainError):
        verify([path])


def test_a_log_that_was_moved_verifies_once_it_is_put_before_what_followed(tmp_path: Path) -> None:
    path = tmp_path / "issuer.log"
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
        path.rename(tmp_path / "moved")
        log.record("login.succeeded")
    assert verify([tmp_path / "moved", path]).seq == 2


def test_nothing_is_taken_for_recorded_where_the_folder_cannot_be_made_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with AuditLog(data / "audit", "issuer", SystemClock()) as log:
        log.record("login.succeeded")
        data.rename(tmp_path / "elsewhere")
        with pytest.raises(UnwrittenError):
            log.record("login.succeeded")
        until(lambda: not log.holds())
        (tmp_path / "elsewhere").rename(data)
        until(log.holds)
        log.record("login.succeeded")
    assert verify([data / "audit" / "issuer.log"]).seq == 1


def test_nothing_is_recorded_through_a_link(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "issuer.log", tmp_path / "elsewhere"
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        with pytest.raises(UnwrittenError):
            log.record("login.succeeded")
        until(lambda: not log.holds())
        path.unlink()
        until(log.holds)
        log.record("login.succeeded")
    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events == ["audit.displaced", "login.succeeded"]
