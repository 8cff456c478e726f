"""A backup shows one moment of stores that are written to; nothing is lost between two of them."""

import os
import threading
from pathlib import Path

import pytest
from redis import Redis

from services.local.backup.audit import copy_audit
from services.local.backup.errors import BackupError
from services.local.backup.restoring import restore
from services.local.backup.taking import _bus, back_up
from services.local.errors import StartError
from services.local.lock import locked
from services.local.operator_file import OperatorError, keep_operator, read_operator
from services.local.operator_stores import stores_of
from services.platform.audit.chain import verify
from services.platform.audit.files import chains
from services.platform.audit.log import AuditLog
from services.platform.runtime.clock import SystemClock
from tests.contract.backup_world import BEFORE, STREAM, WITHIN_S, Relay, bus, data_dir, rows
from tests.contract.valkey_servers import valkey_node

__all__ = ["bus", "data_dir"]


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
