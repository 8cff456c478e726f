"""Paths that a document names: a list of a backup, a file of settings, the data of a run.

Whoever wrote the document is not believed to mean well: a path in it leads into one folder that the
reader has chosen, and nowhere else.
"""

import stat
from pathlib import Path, PurePosixPath

__all__ = ["OutsideError", "inner_path"]


class OutsideError(ValueError):
    """A path leads out of the folder that it has to stay in; the text names it and says how."""


def inner_path(folder: Path, name: str) -> Path:
    """Return where `name`, as a document has it, lies within `folder`; it need not be there.

    Raises `OutsideError` for an absolute path, one with `..` in it, one that is written in another
    way than it is read (`a//b`, `./a`, a line's end, a zero byte), and one that a link is on.
    `folder` itself may be reached by links: the caller has named it.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute():
        raise OutsideError(f"{name!r} is an absolute path; wanted one within {folder}")
    if ".." in pure.parts:
        raise OutsideError(f"{name!r} leads out of {folder} by `..`")
    if not pure.parts or str(pure) != name or not name.isprintable() or "\\" in name:
        raise OutsideError(f"{name!r} is no plain path within {folder}")
    path = folder
    for part in pure.parts:
        path /= part
        if _is_link(path):
            raise OutsideError(f"{name!r} leads out of {folder}: {path} is a link")
    return path


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # such as a name that is too long to be one
        raise OutsideError(f"{str(path)!r} cannot be a path: {error.strerror}") from error
