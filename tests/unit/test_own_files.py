"""Folders that are for their owner alone, and what is refused."""

import os
import stat
from pathlib import Path

import pytest

from services.local.errors import StartError
from services.local.own_files import opened, secrets_in_files, signed, socket_folder
from services.platform.config.signing_keys import parse_keys
from services.platform.files.owner_only import NOT_OTHERS

MAX_SOCKET_PATH_BYTES = 107
LONGEST_NAME = "/timeline.admin"
SOMEBODY = 65_534


def others_may_read(path: Path) -> None:
    """Make a file so, whatever the umask is: commands that were tested before set it."""
    path.touch()
    path.chmod(0o644)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_folder_is_its_owners(tmp_path: Path) -> None:
    assert mode(opened(tmp_path / "data")) == 0o700


def test_a_folder_of_before_is_tightened_with_what_is_in_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    others_may_read(elsewhere)
    (tmp_path / "data" / "audit").mkdir(parents=True)
    paths = [tmp_path / "data" / name for name in ("lock", "tweet.db", "audit/user.log")]
    for path in paths:
        others_may_read(path)
    (tmp_path / "data" / "link").symlink_to(elsewhere)
    for folder in (tmp_path / "data", tmp_path / "data" / "audit"):
        folder.chmod(0o755)
    opened(tmp_path / "data")
    assert {mode(path) for path in paths} == {0o600}
    assert {mode(tmp_path / "data"), mode(tmp_path / "data" / "audit")} == {0o700}
    assert mode(elsewhere) == 0o644


def test_what_was_never_aviarys_is_left_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "data" / "notes.txt"
    theirs.parent.mkdir()
    others_may_read(theirs)
    opened(tmp_path / "data")
    assert (mode(theirs), mode(theirs.parent)) == (0o644, 0o700)


def test_everybodys_folder_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(StartError, match="another folder"):
        opened(shared)
    assert mode(shared) == 0o1777


def test_a_folder_that_everybody_can_replace_is_refused(tmp_path: Path) -> None:
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    shared.mkdir()
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (shared / "link").symlink_to(elsewhere)
    (tmp_path / "led there").symlink_to("elsewhere/../shared/link")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    shared.chmod(0o777)
    for data in (shared / "link", shared / "new" / "data", tmp_path / "led there" / "data"):
        with pytest.raises(StartError, match="everybody can replace"):
            opened(data)
    assert mode(elsewhere) == 0o755
    # Where each may rename only their own, one's own are safe; also by a link of one's own.
    shared.chmod(0o1777)
    assert opened(tmp_path / "led there" / "data") == elsewhere / "data"
    assert mode(opened(shared / "new" / "data")) == 0o700
    with pytest.raises(StartError):
        opened(tmp_path / "round")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is somebody else's")
def test_what_somebody_else_has_put_into_a_shared_folder_is_refused(tmp_path: Path) -> None:
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    shared.mkdir()
    shared.chmod(0o1777)
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (shared / "link").symlink_to(elsewhere)
    os.lchown(shared / "link", SOMEBODY, SOMEBODY)
    (shared / "folder").mkdir()
    os.lchown(shared / "folder", SOMEBODY, SOMEBODY)
    for data in (shared / "link", shared / "link" / "data", shared / "folder" / "data"):
        with pytest.raises(StartError, match="somebody else can replace"):
            opened(data)
    assert mode(elsewhere) == 0o755


@pytest.mark.parametrize("name", ["data", "a_long_name/" * 12, "50% off"])
def test_sockets_have_short_plain_paths_wherever_the_data_are(tmp_path: Path, name: str) -> None:
    data = tmp_path / name
    data.mkdir(parents=True)
    with socket_folder(data) as folder:
        assert mode(folder) & NOT_OTHERS == 0
        assert "%" not in str(folder)
        assert len(os.fsencode(folder)) + len(LONGEST_NAME) <= MAX_SOCKET_PATH_BYTES
    assert folder.exists() == folder.is_relative_to(data)


def test_secrets_leave_the_environment_for_the_time_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "ab" * 32
    monkeypatch.setenv("AVIARY_CURSOR_KEY", key)
    monkeypatch.delenv("AVIARY_CURSOR_KEY_FILE", raising=False)
    # Set both, a service says what is wrong.
    monkeypatch.setenv("AVIARY_IDENTITY_KEY", key)
    monkeypatch.setenv("AVIARY_IDENTITY_KEY_FILE", "elsewhere")
    with secrets_in_files(tmp_path):
        path = Path(os.environ.pop("AVIARY_CURSOR_KEY_FILE"))
        assert path.read_text() == key
        assert mode(path) & NOT_OTHERS == 0
        assert "AVIARY_CURSOR_KEY" not in os.environ
        assert os.environ["AVIARY_IDENTITY_KEY"] == key
    assert not path.exists()


def test_a_key_of_the_run_signs_what_crosses_sidecars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AVIARY_SIGNING_KEYS", "AVIARY_SIGNING_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    with signed(tmp_path, sidecars=False):
        assert "AVIARY_SIGNING_KEYS_FILE" not in os.environ
    seen = set()
    for _ in range(2):
        with signed(tmp_path, sidecars=True):
            path = Path(os.environ["AVIARY_SIGNING_KEYS_FILE"])
            assert mode(path) == 0o600
            (key,) = parse_keys(path.read_text())
            seen.add(key.secret)
        assert not path.exists()
    assert len(seen) == 2
    assert "AVIARY_SIGNING_KEYS_FILE" not in os.environ
    # Who gives keys of their own, as another machine has, keeps them.
    monkeypatch.setenv("AVIARY_SIGNING_KEYS_FILE", "/elsewhere")
    with signed(tmp_path, sidecars=True):
        assert os.environ["AVIARY_SIGNING_KEYS_FILE"] == "/elsewhere"
