"""The audit log, entry by entry whole, though processes write to it."""

from pathlib import Path
from typing import Final

from services.local.backup.errors import BackupError
from services.platform.audit.files import is_current

__all__ = ["copy_audit"]

ATTEMPTS: Final = 20
"""A log is rotated once in many thousand entries, and each attempt copies only what changed."""


def copy_audit(source: Path, target: Path) -> None:
    """Copy the files of `source` into the new folder `target`. Raises `BackupError`."""
    target.mkdir()
    for _ in range(ATTEMPTS):
        before = _names(source)
        for name in before:
            # One that was rotated away is written to no more.
            if is_current(name) or not (target / name).exists():
                _copy_entries(source / name, target / name)
        # A rotation in between renames a file, which would then be there twice, or not at all.
        if _names(source) == before:
            return
    raise BackupError(f"{source} keeps changing its files")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.log"))


def _copy_entries(source: Path, target: Path) -> None:
    try:
        written = source.read_bytes()
    except FileNotFoundError:
        return  # rotated just now; the names differ
    # The last line may be half written.
    target.write_bytes(written[: written.rfind(b"\n") + 1])
