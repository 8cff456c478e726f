"""Paths that documents name stay in their folder."""

from pathlib import Path

import pytest

from services.platform.files.inner_path import OutsideError, inner_path


@pytest.mark.parametrize("name", ["a", "a/b.db", "..a", "a..", "a/...", "ä b"])
def test_a_plain_path_is_within_its_folder(tmp_path: Path, name: str) -> None:
    assert inner_path(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "/", "/etc/passwd", "//etc", "..", "../a", "a/..", "a/../b", "a/../../b"),
        *("./a", "a/", "a//b", "a/./b", "a\n", "a\0b", "a\\..\\b", "a" * 300),
    ],
)
def test_what_leads_out_or_is_written_strangely_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutsideError):
        inner_path(tmp_path, name)


def test_a_link_on_the_way_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "real").mkdir(parents=True)
    (tmp_path / "secret").write_text("")
    (folder / "file").symlink_to(tmp_path / "secret")
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    (folder / "down").symlink_to(tmp_path)
    (folder / "inside").symlink_to("real")
    for name in ("file", "dangling", "down/secret", "inside/x"):
        with pytest.raises(OutsideError, match="is a link"):
            inner_path(folder, name)
    # The folder itself is its reader's choice.
    (tmp_path / "named").symlink_to(folder)
    assert inner_path(tmp_path / "named", "real/x") == tmp_path / "named" / "real" / "x"
