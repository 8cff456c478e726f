"""Files and folders that their owner alone may read: other users of the machine are not trusted."""

import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "NOT_OTHERS", "make_folder", "require_own_way", "tighten", "umask"]

NOT_OTHERS: Final = 0o077
"""The bits of a mode that let somebody else in."""
FOLDER: Final = 0o700
ROOT: Final = 0
MOST_LINKS: Final = 40
"""As many as Linux follows."""


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


def require_own_way(path: Path) -> None:
    """Raise `PermissionError` if somebody else can change where the path leads.

    That is so below a folder where everybody may rename what is there; and in one as `/tmp`, where
    each may rename their own, for a folder or link of somebody else's. Who may write in a folder by
    its group has that of whoever gave it to the group.
    """
    trusted = {os.geteuid(), os.getuid(), ROOT}
    _require_own_way(path.absolute(), trusted, MOST_LINKS)


def _require_own_way(path: Path, trusted: Collection[int], links: int) -> None:
    for entry in (*reversed(path.parents), path)[1:]:
        if entry.name == "..":
            continue  # nobody can make that something else
        above = entry.parent.stat().st_mode
        found = entry.lstat()
        if above & stat.S_IWOTH and not above & stat.S_ISVTX:
            raise PermissionError(f"everybody can replace {entry}; name another folder")
        if above & stat.S_IWOTH and found.st_uid not in trusted:
            raise PermissionError(f"somebody else can replace {entry}; name another folder")
        if stat.S_ISLNK(found.st_mode):
            if not links:
                raise PermissionError(f"too many links lead to {entry}; name another folder")
            _require_own_way(entry.parent / entry.readlink(), trusted, links - 1)


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
