"""Files of JSON lines that hold what no Envoy writes."""

import os
from pathlib import Path

import pytest

from services.platform.audit import following
from services.platform.audit.following import LOST, UNREADABLE, Fields, JsonLines


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


class Numbered:
    """A log of numbered lines, and what was taken of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[Fields] = []
        self.reader = JsonLines(path, self.taken.extend)
        self._wrote = 0

    def write(self, path: Path | None = None) -> None:
        with (path or self.path).open("a") as log:
            log.write(f'{{"n":{self._wrote}}}\n')
        self._wrote += 1

    def read(self) -> None:
        while self.reader.read():
            pass

    def rotate(self, *, keep: int) -> None:
        """As what rotates does, one name after the other."""
        for number in range(keep - 1, 0, -1):
            self.move(number, number + 1)
        self.move(0, 1)

    def move(self, number: int, to: int) -> None:
        if self.name(number).exists():
            self.name(number).replace(self.name(to))

    def name(self, number: int) -> Path:
        return self.path.with_name(f"log.{number}") if number else self.path

    @property
    def numbers(self) -> list[object]:
        return [each.get("n") for each in self.taken if each is not LOST]

    @property
    def lost(self) -> int:
        return sum(each is LOST for each in self.taken)


def test_lines_that_are_not_read_outlive_the_oldest_file(tmp_path: Path) -> None:
    """Between two looks, which read one file each, two are filled; only two are kept."""
    log = Numbered(tmp_path / "log")
    log.write()
    for _ in range(3):
        log.reader.read()
        for _ in range(2):
            log.write()
            log.rotate(keep=2)
            log.write()
    log.read()
    assert (log.numbers, log.lost) == (list(range(13)), 0)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_look_within_a_rotation_misses_nothing(tmp_path: Path, steps: int) -> None:
    log = Numbered(tmp_path / "log")
    for number in (2, 1, 0):
        log.write(log.name(number))
    log.reader.read()
    # Between these renamings a name is missing in the middle.
    for number in (2, 1, 0)[:steps]:
        log.move(number, number + 1)
    log.read()
    for number in (2, 1, 0)[steps:]:
        log.move(number, number + 1)
    log.write()
    log.read()
    assert (log.numbers, log.lost) == ([0, 1, 2, 3], 0)


def test_a_rotation_while_files_are_opened_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Numbered(tmp_path / "log")
    for number in (1, 0):
        log.write(log.name(number))
    log.reader.read()
    opened = os.open

    def rotating(path: Path, *args: int) -> int:
        if path == log.path:
            monkeypatch.setattr(os, "open", opened)
            log.rotate(keep=3)
            log.write()
        return opened(path, *args)

    monkeypatch.setattr(os, "open", rotating)
    log.read()
    assert (log.numbers, log.lost) == ([0, 1, 2], 0)


@pytest.mark.parametrize("gone", ["moved", "removed"])
def test_a_log_that_was_taken_away_is_noticed_and_read_to_its_end(
    tmp_path: Path, gone: str
) -> None:
    log = Numbered(tmp_path / "log")
    log.write()
    log.read()
    writer = log.path.open("a")
    if gone == "moved":
        log.path.rename(tmp_path / "elsewhere")
    else:
        log.path.unlink()
    # Its writer has not noticed.
    writer.write('{"n":"late"}\n')
    writer.close()
    log.read()
    log.write()
    log.read()
    assert (log.numbers, log.lost) == ([0, "late", 1], 1)


def test_a_log_that_was_taken_away_before_a_start_is_noticed(tmp_path: Path) -> None:
    log = Numbered(tmp_path / "log")
    log.write()
    log.read()
    log.path.unlink()
    again = Numbered(tmp_path / "log")
    (tmp_path / "keeps the inode").write_text("")
    again.write()
    again.read()
    assert (again.numbers, again.lost) == ([0], 1)
