"""The audit log: written, tampered with, and found out."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.audit import audit
from services.platform.audit import log as log_module
from services.platform.audit.chain import ChainError, Head, verify
from services.platform.audit.files import chains
from services.platform.audit.log import AuditLog
from services.platform.audit.port import UnwrittenError
from services.platform.runtime.clock import SystemClock

ENTRIES = 6
WAIT_S = 10.0


def appended_to(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n")


def replaced_by_less(path: Path) -> None:
    """As an editor does that somebody has used."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    fresh.replace(path)


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


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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


def test_long_facts_are_cut_and_say_so(tmp_path: Path) -> None:
    with AuditLog(tmp_path, "issuer", SystemClock()) as log:
        log.record("login.failed", handle="x" * 10_000, app="x" * 200)
    text = (tmp_path / "issuer.log").read_text()
    assert len(text) < 900
    facts = json.loads(text)["facts"]
    assert facts == {"handle": "x" * 199 + "…", "app": "x" * 200}


def test_a_full_file_is_found_by_the_anchor_of_its_chain(tmp_path: Path) -> None:
    with AuditLog(tmp_path, "issuer", SystemClock(), max_bytes=1) as log:
        log.record("login.succeeded")
    (full,) = tmp_path.glob("issuer.0*.log")
    anchors = tmp_path / "anchors.json"
    anchors.write_text(json.dumps({"issuer": [0, "0" * 64]}))
    found = CliRunner().invoke(audit, ["verify", "--anchors", str(anchors), str(full)])
    assert (found.exit_code, "rewritten" in found.output) == (1, True)


def test_the_command_says_where_and_exits_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    for name in ("issuer", "gateway"):
        with AuditLog(folder, name, SystemClock()) as log:
            for _ in range(3):
                log.record("login.succeeded")
    data = ("--data-dir", str(tmp_path))
    heads = CliRunner().invoke(audit, ["heads", *data])
    anchors = tmp_path / "anchors.json"
    anchors.write_text(heads.output)
    good = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (good.exit_code, good.output.count("3 entries")) == (0, 2)

    # An anchor of another name vouches for nothing.
    other = tmp_path / "other.log"
    other.write_bytes((folder / "issuer.log").read_bytes())
    for of_one, code in ((other, 1), (folder / "issuer.log", 0)):
        named = CliRunner().invoke(audit, ["verify", "--anchors", str(anchors), str(of_one)])
        assert named.exit_code == code
        assert ("has no anchor of this name, but gateway, issuer" in named.output) == bool(code)
    (tmp_path / "none.json").write_text("{}")
    none = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(tmp_path / "none.json")])
    assert (none.exit_code, "would vouch for nothing" in none.output) == (1, True)
    with AuditLog(folder, "younger", SystemClock()) as log:
        log.record("login.succeeded")
    younger = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (younger.exit_code, younger.output.count("without an anchor")) == (0, 1)

    path = folder / "issuer.log"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    unaware = CliRunner().invoke(audit, ["verify", *data])
    assert unaware.exit_code == 0
    aware = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (aware.exit_code, "issuer: ends at entry 1" in aware.output) == (1, True)
    path.unlink()
    gone = CliRunner().invoke(audit, ["verify", *data, "--anchors", str(anchors)])
    assert (gone.exit_code, "missing as a whole" in gone.output) == (1, True)
    one = CliRunner().invoke(audit, ["verify", str(folder / "gateway.log")])
    assert (one.exit_code, "gateway: 3 entries" in one.output) == (0, True)
    nothing = CliRunner().invoke(audit, ["verify", "--data-dir", str(tmp_path / "no")])
    assert nothing.exit_code == 1


@pytest.mark.parametrize("how", ["is a folder", "is nested too deeply"])
def test_what_cannot_be_read_is_reported(tmp_path: Path, how: str) -> None:
    path = tmp_path / "issuer.log"
    if how == "is a folder":
        path.mkdir()
    else:
        path.write_bytes(b"[" * 100_000 + b"\n")
    found = CliRunner().invoke(audit, ["verify", str(path)])
    assert (found.exit_code, type(found.exception)) == (1, SystemExit)
    assert f"issuer: {path}" in found.output
