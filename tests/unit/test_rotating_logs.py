"""Logs of bounded size, whoever writes them."""

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.local.errors import StartError
from services.local.logs import (
    REPEATS_MOST,
    LogLimits,
    RotatingLog,
    pump,
    rotate_beneath,
)
from services.platform.observability.output import LineWriter

LIMITS = LogLimits(file_bytes=100, files=3)


def written(folder: Path, name: str = "x.log") -> list[str]:
    """What a log has, oldest first."""
    older = sorted(folder.glob(f"{name}.*"), reverse=True)
    return "".join(path.read_text() for path in (*older, folder / name)).splitlines()


def test_a_log_is_set_aside_when_it_is_full(tmp_path: Path) -> None:
    """Between lines; the oldest file goes."""
    log = RotatingLog(tmp_path / "x.log", LIMITS)
    lines = [f"line {letter * 20}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    for line in lines:
        log.write(f"{line}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]
    assert all(path.stat().st_size <= LIMITS.file_bytes for path in tmp_path.iterdir())
    kept = written(tmp_path)
    assert kept == lines[-len(kept) :]
    assert len(kept) > 6
    # A restart goes on with the file that is there.
    again = RotatingLog(tmp_path / "x.log", LogLimits(100, 2))
    for line in ("next", *lines[:4]):
        again.write(f"{line}\n".encode())
    assert "next" in written(tmp_path)
    assert not (tmp_path / "x.log.2").exists()


def test_lines_without_room_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised, and the log goes on when there is room."""

    def full(_writer: LineWriter, _lines: bytes) -> None:
        raise OSError(errno.ENOSPC, "no room")

    log = RotatingLog(tmp_path / "x.log", LogLimits())
    log.write(b"one\n")
    monkeypatch.setattr(LineWriter, "write", full)
    log.write(b"two\nthree\n")
    log.write(b"four\n")
    monkeypatch.undo()
    log.write(b"five\n")
    assert written(tmp_path) == ["one", "(3 lines could not be written here)", "five"]


def test_a_flood_of_one_line_is_cut_short(tmp_path: Path) -> None:
    """Lines that differ in digits only are one; any other goes through."""
    now = 0.0
    log = RotatingLog(tmp_path / "x.log", LogLimits(), lambda: now)
    log.write(b"".join(b"%d: too many open files\n" % at for at in range(3 * REPEATS_MOST)))
    log.write(b"another\n")
    kept = written(tmp_path)
    assert len(kept) == REPEATS_MOST + 2
    assert kept[-2:] == [f"({2 * REPEATS_MOST} more lines like the one above)", "another"]
    log.write(b"".join(b"%d: too many open files\n" % at for at in range(REPEATS_MOST + 5)))
    now = 2.0
    log.write(b"7: too many open files\n")
    assert written(tmp_path)[-2:] == ["(5 more lines like the one above)", "7: too many open files"]


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """Lines are whole however the pipe splits them, even a last one without a newline."""
    reader, writer = os.pipe()
    pumping = threading.Thread(target=pump, args=(reader, RotatingLog(tmp_path / "x.log", LIMITS)))
    pumping.start()
    pieces: Sequence[bytes] = (b"one\ntw", b"o\n", b"three\nfo", b"ur")
    for piece in pieces:
        os.write(writer, piece)
    os.close(writer)
    pumping.join(10)
    assert not pumping.is_alive()
    assert written(tmp_path) == ["one", "two", "three", "four"]


def test_a_file_is_renamed_beneath_its_writer(tmp_path: Path) -> None:
    """The writer finds a new file of the same name and mode, and no line is lost."""
    path = tmp_path / "denials.log"
    path.write_text("x" * 100)
    path.chmod(0o600)
    assert not rotate_beneath(path, LIMITS)
    with path.open("a") as writer:
        writer.write("y")
        writer.flush()
        assert rotate_beneath(path, LIMITS)
        writer.write("z")
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "denials.log.1").read_text() == "x" * 100 + "yz"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["denials.log", "denials.log.1"]


def test_a_writer_is_to_open_a_file_anew_that_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "denials.log"
    path.write_text("x")
    assert not rotate_beneath(path, LIMITS)
    path.rename(tmp_path / "elsewhere")
    assert rotate_beneath(path, LIMITS)


def test_a_log_that_was_moved_away_goes_on_by_its_name(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "x.log", LIMITS)
    log.write(b"one\n")
    (tmp_path / "x.log").rename(tmp_path / "moved")
    log.write(b"two\n")
    log.close()
    assert (tmp_path / "moved").read_bytes() == b"one\n"
    assert (tmp_path / "x.log").read_bytes() == b"two\n"


def test_a_file_is_not_renamed_without_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that finds none to open would log no more."""
    path = tmp_path / "denials.log"
    path.write_text("x" * 101)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OSError, match="no room"):
        rotate_beneath(path, LIMITS)
    assert [each.name for each in tmp_path.iterdir()] == ["denials.log"]


def test_limits_are_read_from_the_environment() -> None:
    """A value that does not fit stops the start."""
    assert LogLimits.of({}) == LogLimits(10_000_000, 5)
    environment = {"AVIARY_LOG_FILE_MB": "1", "AVIARY_LOG_FILES": "2"}
    assert LogLimits.of(environment) == LogLimits(1_000_000, 2)
    with pytest.raises(StartError, match="AVIARY_LOG_FILES"):
        LogLimits.of({"AVIARY_LOG_FILES": "1"})
