"""What a backup holds: a copy of a data folder's lasting part, and a list of it with digests."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field

from services.local.backup.bus import BUS_FILES
from services.local.backup.errors import BackupError
from services.local.operator_file import FILE as OPERATOR_FILE
from services.local.own_files import CHALLENGE_KEY_FILE, CURSOR_KEY_FILE, OPERATOR_SECRET_FILE
from services.platform.files.documents import json_of, parse_json
from services.platform.files.inner_path import inner_path
from services.platform.rpc.operator import SIGNING_KEYS_FILE
from services.platform.specs import all_specs

__all__ = [
    "AUDIT",
    "BUS",
    "DATA",
    "FILES",
    "FOLDERS",
    "LEFT_OUT",
    "Contents",
    "Entry",
    "is_kept",
    "made_whole",
    "row_files",
]

DATA: Final = "data"
"""Within a backup: what a data folder has, by the same names."""
LIST: Final = "backup.json"
"""Within a backup, and written last: without it there is none."""
FORMAT: Final = 1

BUS: Final = "bus"
AUDIT: Final = "audit"
FILES: Final = (
    CURSOR_KEY_FILE,
    OPERATOR_FILE,
    *(file for spec in all_specs().values() for file in spec.files),
)
"""Beside rows, bus and audit log: what services declare to keep; and what keeps cursors and the
operator's log-in good."""
FOLDERS: Final = tuple(folder for spec in all_specs().values() for folder in spec.folders)
"""Of files that are written once, whole; services declare them."""
LEFT_OUT: Final = frozenset(
    {
        "addresses.json",
        "cache",
        CHALLENGE_KEY_FILE,
        "certificates",
        "envoy.admin",
        "envoy.json",
        # What a release before has left.
        "envoy.yaml",
        "lock",
        "logs",
        OPERATOR_SECRET_FILE,
        "prometheus",
        "secrets",
        "sidecars",
        SIGNING_KEYS_FILE,
        "sockets",
        "valkey",
        # Each has a folder of its name.
        *(spec.name for spec in all_specs().values() if spec.keeps_scratch),
    }
)
"""Of a data folder: what is made anew, or is a copy of something else."""

PRIVATE: Final = 0o700
"""Keys and hashes of passwords lie there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, as it was written."""

    size: Annotated[int, Field(alias="bytes")]
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read the file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return cls(file.tell(), digest.hexdigest())


def _readable(found: int) -> int:
    if found != FORMAT:
        raise ValueError(f"is {found}, wanted {FORMAT}")
    return found


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup."""

    format: Annotated[int, AfterValidator(_readable)]
    """Of this list."""
    made_at: str
    """The moment that it shows, as ISO 8601."""
    files: Mapping[str, Entry]
    """By path within `DATA`."""

    @classmethod
    def of(cls, backup: Path, made_at: str) -> Self:
        """Look at every file under `DATA`."""
        data = backup / DATA
        files = sorted(path for path in data.rglob("*") if path.is_file())
        entries = {str(path.relative_to(data)): Entry.of(path) for path in files}
        return cls(FORMAT, made_at, entries)

    @classmethod
    def read(cls, backup: Path) -> Self:
        """Read the list. Raises `BackupError` for a folder that is no whole backup."""
        path = backup / LIST
        try:
            return parse_json(cls, inner_path(backup, LIST).read_bytes())
        except FileNotFoundError as error:
            raise BackupError(f"{backup} is no backup: there is no {path}") from error
        except (OSError, ValueError) as error:
            raise BackupError(f"{path} cannot be read: {error}") from error

    def write(self, backup: Path) -> None:
        """Write the list."""
        (backup / LIST).write_bytes(json_of(self))

    def verify(self, name: str, path: Path) -> None:
        """Raise `BackupError` unless the file at `path` is the one listed as `name`."""
        wanted = self.files[name]
        try:
            found = Entry.of(path)
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}") from error
        if found != wanted:
            raise BackupError(
                f"{path} is damaged: it is not what the backup's list says of {name}; take another "
                "backup"
            )


def is_kept(name: str) -> bool:
    """Whether a backup may have a file of this path within `DATA`.

    What is made anew is not taken from a backup: certificates and keys of somebody else's making
    would be believed. Nor are more files of the bus, which would run them as commands.
    """
    folder, _, file = name.rpartition("/")
    if folder == AUDIT:
        return file.endswith(".log")
    return (
        name in {f"{BUS}/{file}" for file in BUS_FILES}
        or name in FILES
        or (name.partition("/")[0] in FOLDERS and not file.startswith("."))
        or (not folder and file.endswith(".db"))
    )


def row_files(data_dir: Path) -> list[Path]:
    """Return the files of rows, one for each service that owns some."""
    return sorted(data_dir.glob("*.db"))


@contextmanager
def made_whole(folder: Path, by: str) -> Iterator[Path]:
    """Give a new folder of its owner's alone, which becomes `folder` once it is on the disk.

    Raises `BackupError`, and then leaves nothing behind; `by` is what makes it, in the words of
    whoever finds another under way.
    """
    folder = folder.absolute()  # `.` has no name
    unfinished = folder.with_name(folder.name + ".unfinished")
    try:
        # Nobody else has made it, then: what is removed below is ours.
        unfinished.mkdir(mode=PRIVATE, parents=True)
    except FileExistsError as error:
        raise BackupError(
            f"{unfinished} is in the way: another {by} runs, or was killed"
        ) from error
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error}") from error
    try:
        yield unfinished
        _sync(unfinished)
        unfinished.rename(folder)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Bring all files under `folder`, and their names, to the disk."""
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
