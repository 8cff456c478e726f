"""Folders of files that services write once, whole, such as pictures."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["copy_folder", "size_of"]


def size_of(folder: Path) -> int:
    """Add up the bytes of the folder's files; 0 where there is none."""
    total = 0
    for path in _files(folder):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def copy_folder(folder: Path, target: Path, copied: Callable[[int], object]) -> None:
    """Copy the files, and tell `copied` of their bytes.

    What is deleted meanwhile may be missing. What is being written has a name with a dot, and is
    left out.
    """
    for path in _files(folder):
        to = target / path.relative_to(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(path, to, follow_symlinks=False)
            copied(to.stat().st_size)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
