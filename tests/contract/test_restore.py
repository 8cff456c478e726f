"""What a backup must be for something to be made out of it."""

import json
from pathlib import Path

import pytest

from services.local.backup import contents
from services.local.backup.errors import BackupError
from services.local.backup.restoring import restore
from services.local.backup.taking import back_up
from tests.contract.backup_world import backup, bus, data_dir, refused, rows

__all__ = ["backup", "bus", "data_dir"]


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


def test_a_folder_without_a_valid_manifest_is_no_backup(data_dir: Path, tmp_path: Path) -> None:
    assert "is no backup" in refused(data_dir, tmp_path / "restored")
    (data_dir / "backup.json").write_text('{"format": 2}')
    assert "wanted 1" in refused(data_dir, tmp_path / "restored")
    (data_dir / "backup.json").write_text("[]")
    assert "cannot be read" in refused(data_dir, tmp_path / "restored")
