"""A backup shows one moment of stores that are written to; nothing is lost between two of them."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from redis import Redis

from services.local.backup import contents
from services.local.backup.audit import copy_audit
from services.local.backup.errors import BackupError
from services.local.backup.restoring import restore
from services.local.backup.rows import one_moment
from services.local.backup.taking import _bus, back_up
from services.local.errors import StartError
from services.local.lock import locked
from services.local.operator_file import OperatorError, keep_operator, read_operator
from services.local.operator_stores import stores_of
from services.platform.audit.chain import verify
from services.platform.audit.files import chains
from services.platform.audit.log import AuditLog
from services.platform.runtime.clock import SystemClock
from tests.contract.valkey_servers import valkey_node

STREAM = "bus:{numbers}"
BEFORE = 200  # numbers that have gone their way when the backup begins
WITHIN_S = 60.0


def rows(path: Path) -> set[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {number for (number,) in connection.execute("SELECT n FROM numbers")}


class Relay:
    """Moves numbers as tweets move: to a row, then to a message, then to a row of another file."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.made = 0
        self._bus = Redis(port=port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        for name in ("first", "last"):
            with self._opened(name) as file:
                file.execute("PRAGMA journal_mode = WAL")
                file.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)")

    def _opened(self, name: str) -> "contextlib.closing[sqlite3.Connection]":
        path = self.data_dir / f"{name}.db"
        return contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=WITHIN_S))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def wait_for(self, number: int) -> None:
        """Wait until so many are made."""
        deadline = time.monotonic() + WITHIN_S
        while self.made < number:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _run(self) -> None:
        with self._opened("first") as first, self._opened("last") as last, self._bus as bus:
            while not self._stopping.is_set():
                number = self.made + 1
                first.execute("INSERT INTO numbers VALUES (?)", (number,))
                self.made = number
                entry = bus.xadd(STREAM, {"n": number})
                last.execute("INSERT INTO numbers VALUES (?)", (number,))
                bus.xdel(STREAM, entry)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "bus").mkdir(parents=True)
    (folder / "audit").mkdir()
    (folder / "audit" / "identity.log").write_bytes(b'{"seq": 0}\n{"se')
    (folder / "identity.key").write_text("key")
    keep_operator(folder, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": "redis://127.0.0.1:1/0"})
    return folder


@pytest.fixture
def bus(data_dir: Path) -> Iterator[int]:
    with valkey_node(data_dir / "bus", "--appendonly", "yes") as port:
        url = f"redis://127.0.0.1:{port}/0"
        keep_operator(data_dir, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": url})
        yield port


def restored_numbers(folder: Path) -> tuple[set[int], set[int], set[int]]:
    """The numbers found in the first file, on the bus and in the last file."""
    with valkey_node(folder / "bus", "--appendonly", "yes") as port, Redis(port=port) as client:
        on_bus = {int(fields[b"n"]) for _, fields in client.xrange(STREAM)}
    return rows(folder / "first.db"), on_bus, rows(folder / "last.db")


def test_what_is_under_way_is_somewhere(data_dir: Path, bus: int, tmp_path: Path) -> None:
    with Relay(data_dir, bus) as relay, locked(data_dir):
        relay.wait_for(BEFORE)
        for turn in range(5):
            acknowledged = relay.made
            back_up(data_dir, tmp_path / f"backup-{turn}")
            relay.wait_for(acknowledged + 1)
            restore(tmp_path / f"backup-{turn}", tmp_path / f"restored-{turn}")
            first, on_bus, last = restored_numbers(tmp_path / f"restored-{turn}")
            assert set(range(1, acknowledged + 1)) <= first
            # The newest may have been made and not yet been sent: that is what an outbox is for.
            assert first - on_bus - last <= {max(first)}
            assert on_bus | last <= first, "a message of something that is not there"


def test_a_data_folder_at_rest_is_backed_up_too(data_dir: Path, bus: int, tmp_path: Path) -> None:
    with Relay(data_dir, bus) as relay:
        relay.wait_for(1)
    with Redis(port=bus) as client:
        client.xadd(STREAM, {"n": relay.made})
        client.shutdown(nosave=True)
    back_up(data_dir, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    assert restored_numbers(tmp_path / "restored") == (
        rows(data_dir / "first.db"),
        {relay.made},
        rows(data_dir / "last.db"),
    )
    restored = tmp_path / "restored"
    assert (restored / "identity.key").read_text() == "key"
    assert (restored / "audit" / "identity.log").read_bytes() == b'{"seq": 0}\n'
    assert restored.stat().st_mode & 0o077 == 0


def test_nothing_starts_while_a_folder_at_rest_is_copied(data_dir: Path, bus: int) -> None:
    with Redis(port=bus) as client:
        client.shutdown(nosave=True)
    with _bus(data_dir, read_operator(data_dir)), pytest.raises(StartError, match="in use"):
        locked(data_dir).__enter__()
    with locked(data_dir):
        pass


@pytest.fixture
def backup(data_dir: Path, bus: int, tmp_path: Path) -> Path:
    with Relay(data_dir, bus), locked(data_dir):
        back_up(data_dir, tmp_path / "backup")
    return tmp_path / "backup"


def refused(folder: Path, data_dir: Path) -> str:
    with pytest.raises(BackupError) as error:
        restore(folder, data_dir)
    assert not list(data_dir.parent.glob("*.unfinished"))
    return str(error.value)


def test_nothing_is_replaced(backup: Path, data_dir: Path, tmp_path: Path) -> None:
    kept = rows(data_dir / "first.db")
    assert f"mv {data_dir} {data_dir}.lost" in refused(backup, data_dir)
    assert rows(data_dir / "first.db") == kept
    with pytest.raises(BackupError, match="exists already"):
        back_up(data_dir, backup)
    (tmp_path / "empty").mkdir()
    restore(backup, tmp_path / "empty")


def test_the_folder_that_one_is_in_can_be_restored_to(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    restore(backup, Path())
    assert rows(tmp_path / "here" / "first.db") == rows(backup / contents.DATA / "first.db")


def test_what_another_one_makes_is_left_alone(backup: Path, tmp_path: Path) -> None:
    others = tmp_path / "restored.unfinished" / "first.db"
    others.parent.mkdir()
    others.touch()
    with pytest.raises(BackupError, match="is in the way"):
        restore(backup, tmp_path / "restored")
    assert others.exists()


@pytest.mark.parametrize("name", ["first.db", "bus/appendonlydir/appendonly.aof.1.base.rdb"])
def test_damage_shows(backup: Path, tmp_path: Path, name: str) -> None:
    path = backup / contents.DATA / name
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(body)
    assert f"{name} is damaged" in refused(backup, tmp_path / "restored")
    path.unlink()
    assert f"{name} is missing" in refused(backup, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../escaped", "{outside}", "audit/../../escaped", "./first.db"])
def test_a_list_that_leads_elsewhere_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "escaped"
    outside.write_text("mine")
    name = name.format(outside=outside)
    listed = json.loads((backup / "backup.json").read_text())
    entry = contents.Entry.of(outside)
    listed["files"][name] = {"bytes": entry.size, "sha256": entry.sha256}
    (backup / "backup.json").write_text(json.dumps(listed))
    # Where it would be read, and where it would be written.
    (backup / "escaped").write_text("mine")
    assert "not to be trusted" in refused(backup, tmp_path / "below" / "restored")
    assert outside.read_text() == "mine"
    assert not (tmp_path / "below" / "escaped").exists()


@pytest.mark.parametrize(
    "name", ["backup.json", "data", "data/first.db", "data/audit", "data/bus/appendonlydir"]
)
def test_a_backup_with_a_link_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    path = backup / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refused(backup, tmp_path / "restored")


@pytest.mark.parametrize(
    "name",
    [
        "certificates/ca.pem",
        "valkey/bus.conf",
        "lock",
        "sub/x.db",
        "audit/sub/x.log",
        "audit/x.lock",
        "bus/appendonlydir/appendonly.aof.1.incr.aof",
        "bus/module.so",
    ],
)
def test_what_no_backup_keeps_is_not_restored(backup: Path, tmp_path: Path, name: str) -> None:
    path = backup / contents.DATA / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("believe me")
    contents.Contents.of(backup, "2026-01-01T00:00:00+00:00").write(backup)
    assert f"no backup keeps {name!r}" in refused(backup, tmp_path / "restored")


@pytest.mark.parametrize("name", ["appendonly.aof.1.base.rdb", "appendonly.aof.manifest"])
def test_a_bus_that_brings_commands_is_not_restored(
    backup: Path, tmp_path: Path, name: str
) -> None:
    """A server runs what its log says as it starts, be it `CONFIG SET requirepass ""`."""
    added = {
        "appendonly.aof.1.base.rdb": b"*1\r\n$8\r\nFLUSHALL\r\n",
        "appendonly.aof.manifest": b"file x.incr.aof seq 1 type i\n",
    }
    path = backup / contents.DATA / "bus" / "appendonlydir" / name
    path.write_bytes(path.read_bytes() + added[name])
    contents.Contents.of(backup, "2026-01-01T00:00:00+00:00").write(backup)
    assert f"{name} is damaged: " in refused(backup, tmp_path / "restored")


def test_no_password_is_read_from_elsewhere(data_dir: Path, tmp_path: Path) -> None:
    """As by the operator's file in a backup of somebody else's making."""
    (tmp_path / "private").write_text("secret")
    url = f"redis://127.0.0.1:1/0?password_file={tmp_path / 'private'}"
    keep_operator(data_dir, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": url})
    with locked(data_dir), pytest.raises(BackupError, match="a file that is not in"):
        back_up(data_dir, tmp_path / "backup")
    keep_operator(data_dir, "http://127.0.0.1:1", {"AVIARY_DATA_DIR": "/"})
    with pytest.raises(OperatorError, match="AVIARY_DATA_DIR leads to no store"):
        stores_of(data_dir, read_operator(data_dir))


def test_rows_that_are_damaged_are_not_backed_up(data_dir: Path, bus: int, tmp_path: Path) -> None:
    with Relay(data_dir, bus):
        pass
    (data_dir / "other.db").write_bytes(b"SQLite format 3\0" + os.urandom(8_192))
    with locked(data_dir), pytest.raises(BackupError, match="rows cannot be read"):
        back_up(data_dir, tmp_path / "backup")
    assert not list(tmp_path.glob("backup*"))


def test_writers_that_leave_no_gap_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "busy.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        started = threading.Event()
        monkeypatch.setattr("services.local.backup.rows.ATTEMPTS", 2)
        monkeypatch.setattr("services.local.backup.rows.PAUSE_S", 0.01)
        with pytest.raises(BackupError, match="too busy"):
            one_moment([path], started.set).__enter__()
        assert not started.is_set()


FREEZES = """
import contextlib, os, pathlib, signal, sys
from services.local.backup import rows
from services.local.backup.errors import BackupError

how, file = sys.argv[1], pathlib.Path(sys.argv[2])
rows.ATTEMPTS = 1

def at_that_moment():
    print("held", flush=True)
    os.kill(os.getpid() if how != "group" else 0, getattr(signal, sys.argv[3]))

try:
    with rows.one_moment([file], at_that_moment):
        print("whole")
except BackupError as error:
    print(error)
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    return path


@pytest.mark.parametrize(
    ("who", "number"),
    [("itself", "SIGSTOP"), ("group", "SIGSTOP"), ("itself", "SIGKILL"), ("group", "SIGKILL")],
)
def test_writers_are_not_held_up_by_a_backup_that_hangs(
    written: Path, who: str, number: str
) -> None:
    """Stopped, as by Ctrl-Z with all that it has started, or killed."""
    backup = subprocess.Popen(
        [sys.executable, "-c", FREEZES, who, str(written), number],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert backup.stdout is not None
    try:
        assert backup.stdout.readline() == "held\n"
        # A writer of Aviary's, but for its patience: a machine may be busy.
        with contextlib.closing(sqlite3.connect(written, timeout=WITHIN_S)) as file:
            file.execute("INSERT INTO numbers VALUES (1)")
            file.commit()
        os.killpg(backup.pid, signal.SIGCONT)
        said = backup.stdout.read()
        # What it saw was of no one moment: others have written meanwhile.
        assert ("too busy" in said) == (number == "SIGSTOP"), said
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(backup.pid, signal.SIGKILL)
        backup.communicate()


def test_a_folder_without_a_valid_manifest_is_no_backup(data_dir: Path, tmp_path: Path) -> None:
    assert "is no backup" in refused(data_dir, tmp_path / "restored")
    (data_dir / "backup.json").write_text('{"format": 2}')
    assert "wanted 1" in refused(data_dir, tmp_path / "restored")
    (data_dir / "backup.json").write_text("[]")
    assert "cannot be read" in refused(data_dir, tmp_path / "restored")


def test_what_cannot_be_backed_up_is_reported(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="was it ever"):
        back_up(tmp_path / "nowhere", tmp_path / "backup")
    keep_operator(data_dir, "http://127.0.0.1:1", {"AVIARY_STORAGE": "bigtable"})
    with pytest.raises(BackupError, match="with emulators"):
        back_up(data_dir, tmp_path / "backup")
    # It runs, and its bus does not answer.
    keep_operator(
        data_dir, "http://127.0.0.1:1", {"AVIARY_BUS_VALKEY_URL": "redis://127.0.0.1:1/0"}
    )
    with locked(data_dir), pytest.raises(BackupError, match="the bus cannot be saved"):
        back_up(data_dir, tmp_path / "backup")
    assert not list(tmp_path.glob("backup*"))


def test_an_audit_log_that_is_written_to_meanwhile(tmp_path: Path) -> None:
    stopping, noted = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        with AuditLog(tmp_path / "audit", "x", SystemClock(), max_bytes=50_000) as log:
            while not stopping.is_set():
                log.record("grant", user=1)
                noted.release()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(20):
            for _ in range(50):
                assert noted.acquire(timeout=WITHIN_S)
            copy_audit(tmp_path / "audit", tmp_path / f"copy-{turn}")
    finally:
        stopping.set()
        writer.join()
    copies = [chains(folder)["x"] for folder in tmp_path.glob("copy-*")]
    heads = {verify(files).seq for files in copies}
    assert len(copies) == 20
    assert len(heads) > 1, "nothing was written meanwhile"
    assert max(map(len, copies)) > 1, "none was rotated"
