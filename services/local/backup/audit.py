"""The audit log, entry by entry whole, though processes write to it."""

import shutil
from pathlib import Path
from typing import Final

from services.local.backup.errors import BackupError

__all__ = ["copy_audit"]

ATTEMPTS: Final = 5
"""A log is rotated once in many thousand entries; twice in a row is no accident."""


def copy_audit(source: Path, target: Path) -> None:
    """Copy the files of `source` into the new folder `target`. Raises `BackupError`."""
    for _ in range(ATTEMPTS):
        target.mkdir()
        before = _names(source)
        for name in before:
            _copy_entries(source / name, target / name)
        # A rotation in between renames a file, which would then be there twice, or not at all.
        if _names(source) == before:
            return
        shutil.rmtree(target)
    raise BackupError(f"{source} keeps changing its files")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.log"))


def _copy_entries(source: Path, target: Path) -> None:
    try:
        written = source.read_bytes()
    except FileNotFoundError:
        written = b""  # rotated just now; the names differ
    # The last line may be half written.
    target.write_bytes(written[: written.rfind(b"\n") + 1])
