"""Files of a run: their folder is tried before it begins, and they come whole or not at all."""

import contextlib
import tempfile
from pathlib import Path

from bench.errors import BenchError

__all__ = ["make_folder", "write"]

ROOM = 1_000_000
"""Bytes: more than both files of a long run take."""


def make_folder(folder: Path) -> None:
    """Make a folder that has room for the files of a run. Raises `BenchError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
    except OSError as error:
        raise BenchError(f"nothing can be written into {folder}: {error.strerror}") from error


def write(path: Path, text: str) -> None:
    """Write a file that takes the place of an earlier one when it is whole. Raises `OSError`."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
