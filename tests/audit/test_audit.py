"""The audit log: written, tampered with, and found out."""

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.platform.audit import log as log_module
from services.platform.audit.chain import ChainError, Head, verify
from services.platform.audit.files import chains
from services.platform.audit.log import AuditLog
from services.platform.audit.port import UnwrittenError
from services.platform.runtime.clock import SystemClock
from tests.audit.waits import until

ENTRIES = 6


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        for number in range(ENTRIES):
            log.record("login.succeeded", user_id=number, handle=f"h\u00e9{number}")
    return tmp_path / "issuer.log"


def test_what_was_written_verifies(written: Path) -> None:
    head = verify([written])
    assert head.seq == ENTRIES - 1
    entries = [json.loads(line) for line in written.read_text().splitlines()]
    assert entries[0].keys() == {"at", "process", "event", "facts", "seq", "prev", "hash"}
    assert entries[2]["facts"] == {"user_id": 2, "handle": "h\u00e92"}
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def edited(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b'"user_id":2', b'"user_id":3'), *lines[3:]]


def edited_and_resealed(lines: list[bytes]) -> list[bytes]:
    """Edit an entry and make its own hash right, but not those of the entries after it."""
    entry = json.loads(lines[2])
    entry["facts"]["user_id"] = 3
    del entry["hash"], entry["prev"], entry["seq"]
    line, _ = log_module.seal(entry, Head(1, json.loads(lines[1])["hash"]))
    return [*lines[:2], line + b"\n", *lines[3:]]


TAMPERED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edited": edited,
    "edited and sealed anew": edited_and_resealed,
    "the same meaning, other bytes": lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]],
    "one removed": lambda lines: lines[:2] + lines[3:],
    "the first removed": lambda lines: lines[1:],
    "the middle cut out": lambda lines: [lines[0], lines[-1]],
    "two swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "one doubled": lambda lines: [*lines[:3], lines[2], *lines[3:]],
    "one added": lambda lines: [*lines[:3], b'{"event":"x"}\n', *lines[3:]],
    "cut within the last": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "a blank line": lambda lines: [*lines[:3], b"\n", *lines[3:]],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_found(written: Path, how: str) -> None:
    written.write_bytes(b"".join(TAMPERED[how](written.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ChainError, match=r"issuer\.log:\d"):
        verify([written])


def test_a_cut_at_the_end_is_found_by_an_anchor_alone(written: Path) -> None:
    anchor = verify([written])
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines[:-2]))
    assert verify([written]).seq == ENTRIES - 3
    with pytest.raises(ChainError, match="cut off"):
        verify([written], anchor)


def test_a_chain_rewritten_as_a_whole_is_found_by_an_anchor(tmp_path: Path, written: Path) -> None:
    anchor = verify([written])
    with AuditLog(tmp_path / "other", "issuer", SystemClock()) as log:
        for _ in range(ENTRIES + 1):
            log.record("nothing.happened")
    forged = tmp_path / "other" / "issuer.log"
    verify([forged])
    with pytest.raises(ChainError, match="rewritten"):
        verify([forged], anchor)


def test_the_chain_goes_on_after_a_restart_and_across_files(tmp_path: Path) -> None:
    for _ in range(3):
        with AuditLog(tmp_path, "issuer", SystemClock(), max_bytes=1_000) as log:
            for number in range(10):
                log.record("login.succeeded", user_id=number)
    files = chains(tmp_path)["issuer"]
    assert len(files) > 3
    assert verify(files).seq == 29
    with pytest.raises(ChainError):
        verify([*files[:1], *files[2:]])
    # A start right after a rotation finds the head in the file before.
    (tmp_path / "issuer.log").unlink(missing_ok=True)
    older = verify(chains(tmp_path)["issuer"])
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
    assert verify(chains(tmp_path)["issuer"]).seq == older.seq + 1


def test_a_writer_that_was_cut_off_is_recorded_and_the_chain_goes_on(written: Path) -> None:
    with written.open("ab") as file:
        file.write(b'{"at":"2026')
    with AuditLog(written.parent, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
    assert verify([written]).seq == ENTRIES + 1
    torn = json.loads(written.read_text().splitlines()[ENTRIES])
    assert (torn["event"], torn["facts"]["bytes"]) == ("audit.torn_tail", 11)


def test_two_processes_of_one_name_have_a_chain_each(tmp_path: Path) -> None:
    with (
        AuditLog(tmp_path, "issuer", SystemClock()) as one,
        AuditLog(tmp_path, "issuer", SystemClock()) as two,
    ):
        for log in (one, two, one):
            log.record("login.succeeded")
    heads = {name: verify(files).seq for name, files in chains(tmp_path).items()}
    assert heads == {"issuer": 1, "issuer-2": 0}


def test_a_full_disk_is_reported_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
        whole = os.write
        monkeypatch.setattr(os, "write", lambda file, line: whole(file, line[:7]))
        with pytest.raises(UnwrittenError):
            log.record("login.succeeded")
        monkeypatch.undo()
        log.record("login.succeeded")
    assert verify([tmp_path / "issuer.log"]).seq == 1


def test_half_a_line_is_removed_before_the_next_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next line would be appended to the half, and the chain stay broken."""

    def broken(*_: int) -> None:
        raise OSError(errno.EIO, "broken")

    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.succeeded")
        whole = os.write
        monkeypatch.setattr(os, "write", lambda file, line: whole(file, line[:7]))
        monkeypatch.setattr(os, "ftruncate", broken)
        for _ in range(2):
            with pytest.raises(UnwrittenError):
                log.record("login.succeeded")
        monkeypatch.undo()
        log.record("login.succeeded")
    assert verify([tmp_path / "issuer.log"]).seq == 1


def test_a_full_file_that_cannot_be_set_aside_is_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for the next entry; entries written before stay, now and later."""
    made = os.open

    def full(path: Path, *rest: int) -> int:
        if Path(path).suffix == ".new":
            raise OSError(errno.ENOSPC, "no room")
        return made(path, *rest)

    with AuditLog(tmp_path, "issuer", SystemClock(), max_bytes=1_000) as log:
        monkeypatch.setattr(os, "open", full)
        for number in range(10):
            log.record("login.succeeded", user_id=number)
        assert len(chains(tmp_path)["issuer"]) == 1
        monkeypatch.undo()
        for number in range(10):
            log.record("login.succeeded", user_id=number)
    assert len(chains(tmp_path)["issuer"]) > 2
    assert verify(chains(tmp_path)["issuer"]).seq == 19


def test_a_rotation_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """The full file has been renamed, and the next one does not exist yet."""
    with AuditLog(tmp_path, "issuer", SystemClock(), max_bytes=1_000) as log:
        log.record("login.succeeded")
        (tmp_path / "issuer.log").rename(tmp_path / "issuer.000000000000.log")
        for number in range(20):
            log.record("login.succeeded", user_id=number)
        assert (tmp_path / "issuer.log").exists()


def test_a_torn_tail_is_recorded_once_there_is_room(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process starts on a full disk all the same."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    with written.open("ab") as file:
        file.write(b'{"at":"2026')
    monkeypatch.setattr(os, "write", full)
    with AuditLog(written.parent, "issuer", SystemClock()) as log:
        monkeypatch.undo()
        log.record("login.succeeded")
    assert verify([written]).seq == ENTRIES + 1
    assert json.loads(written.read_text().splitlines()[ENTRIES])["event"] == "audit.torn_tail"


def test_what_brings_it_to_the_disk_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it says so meanwhile."""

    def broken(_: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        monkeypatch.setattr(os, "fsync", broken)
        log.record("login.succeeded")
        until(lambda: not log.holds())
        monkeypatch.undo()
        until(log.holds)


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\nfrom services.platform.audit.log import AuditLog\n"
        "from services.platform.runtime.clock import SystemClock\n"
        f"log = AuditLog(pathlib.Path({str(tmp_path)!r}), 'issuer', SystemClock())\n"
        "[log.record('login.succeeded', user_id=n) for n in range(100)]\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert verify([tmp_path / "issuer.log"]).seq == 99


def test_long_facts_are_cut_and_say_so(tmp_path: Path) -> None:
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.failed", handle="x" * 10_000, app="x" * 200)
    text = (tmp_path / "issuer.log").read_text()
    assert len(text) < 900
    facts = json.loads(text)["facts"]
    assert facts == {"handle": "x" * 199 + "…", "app": "x" * 200}
