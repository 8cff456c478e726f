"""Folders of files that services write: in a backup, and back again, whole or not at all."""

from pathlib import Path

import pytest

from services.local.backup import contents
from services.local.backup.contents import is_kept
from services.local.backup.folders import copy_folder, size_of


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "media"
    for name, data in {"files/0a/7/original": b"pixels", "files/0a/7/thumb": b"few"}.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return made


def test_what_is_whole_is_copied_and_what_is_being_written_is_not(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "files/0a/7/.small.x1").write_bytes(b"half")
    (folder / "files/0a/7/link").symlink_to(folder / "files/0a/7/gone")
    counted: list[int] = []
    copy_folder(folder, tmp_path / "copy", counted.append)
    assert files(tmp_path / "copy") == {
        "files/0a/7/original": b"pixels",
        "files/0a/7/thumb": b"few",
    }
    assert sum(counted) == size_of(folder) == 9


def test_a_folder_that_was_never_made_is_none(tmp_path: Path) -> None:
    copy_folder(tmp_path / "none", tmp_path / "copy", lambda _: None)
    assert (size_of(tmp_path / "none"), (tmp_path / "copy").exists()) == (0, False)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("media/files/0a/7/original", True),
        ("media/uploads/0a/7/upload", True),
        ("media/.hidden", False),
        ("medias/files/x", False),
        ("other/files/x", False),
    ],
)
def test_a_backup_has_files_of_declared_folders(name: str, kept: bool) -> None:  # noqa: FBT001
    assert is_kept(name) is kept
    assert "media" in contents.FOLDERS
