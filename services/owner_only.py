"""Files and folders that their owner alone may read: other users of the machine are not trusted."""

import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["NOT_OTHERS", "make_folder", "tighten", "umask"]

NOT_OTHERS: Final = 0o077
"""The bits of a mode that let somebody else in."""
FOLDER: Final = 0o700


def umask() -> None:
    """Have this process, and all that it starts, make files and folders for its owner alone."""
    os.umask(NOT_OTHERS)


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there, and take it from everybody but its owner.

    Raises `PermissionError` for one that belongs to somebody else, or is everybody's, as `/tmp` is.
    """
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    found = path.stat()
    everybodys = found.st_mode & stat.S_ISVTX and found.st_mode & stat.S_IWOTH
    if everybodys or found.st_uid not in (os.geteuid(), os.getuid()):
        raise PermissionError(f"{path} is not this user's own; name another folder")
    path.chmod(stat.S_IMODE(found.st_mode) & ~NOT_OTHERS)


def tighten(folder: Path) -> None:
    """Take everything in the folder from everybody but its owner. Links are not followed."""
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _tighten(Path(path) / name)


def _tighten(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & NOT_OTHERS:
            path.chmod(stat.S_IMODE(mode) & ~NOT_OTHERS)
    except FileNotFoundError:
        pass  # removed since it was listed
