"""Files that are made once, on a disk without room: whole, or not there."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.identity import app as identity
from services.local import plan
from services.local.operator_file import keep_operator, read_operator
from services.local.own_files import CURSOR_KEY_FILE
from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings
from tests.identity.world import Events
from tests.small_disk import SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 1) as disk:
        yield disk


def make_sealing_key(folder: Path) -> bytes:
    settings = Settings.from_environment({"AVIARY_DATA_DIR": str(folder)})
    deps = Dependencies(identity.SPEC, settings, AsyncExitStack())
    return bytes(identity._sealing_keys(deps, Events())()[0])


def make_cursor_key(folder: Path) -> bytes:
    found = plan._kept_key(folder, "AVIARY_CURSOR_KEY", CURSOR_KEY_FILE)
    return Path(found["AVIARY_CURSOR_KEY_FILE"]).read_bytes()


@pytest.mark.parametrize("make", [make_sealing_key, make_cursor_key])
def test_a_key_is_whole_or_absent(disk: SmallDisk, make: object) -> None:
    """An empty file in its place would keep everything from starting for good."""
    assert callable(make)
    disk.fill()
    with pytest.raises(OSError, match="No space"):
        make(disk.path)
    assert [each.name for each in disk.path.iterdir()] == ["ballast"]
    disk.free()
    made = make(disk.path)
    assert len(made) >= 32
    assert make(disk.path) == made


def test_the_operators_secret_outlives_a_start_without_room(disk: SmallDisk) -> None:
    """The file of the last start stays until there is another."""
    made = keep_operator(disk.path, "http://localhost", {})
    disk.fill()
    with pytest.raises(OSError, match="No space"):
        keep_operator(disk.path, "http://elsewhere", {})
    assert read_operator(disk.path) == made
