"""Where the audit log of a process lies: `<name>.log`, and before it `<name>.<last seq>.log`."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["chain_of", "chains", "current", "is_current", "rotated"]

SEQ_DIGITS = 12
"""So that names sort as numbers do."""


def current(folder: Path, name: str) -> Path:
    """The file that is written to."""
    return folder / f"{name}.log"


def is_current(name: str) -> bool:
    """Whether a file of this name is one that is written to, and not full."""
    return "." not in name.removesuffix(".log")


def rotated(folder: Path, name: str, last_seq: int) -> Path:
    """The name of a full file whose last entry is `last_seq`."""
    return folder / f"{name}.{last_seq:0{SEQ_DIGITS}}.log"


def chain_of(path: Path) -> str:
    """The name of the chain that a file is of, by the file's name."""
    name, _, seq = path.stem.partition(".")
    return name if not seq or _is_seq(seq) else path.stem


def _is_seq(text: str) -> bool:
    return len(text) == SEQ_DIGITS and text.isdecimal()


def chains(folder: Path) -> Mapping[str, list[Path]]:
    """All the chains of a folder, by name; the files of each oldest first."""
    found: dict[str, list[Path]] = {}
    # "x.000000000007.log" sorts before "x.log": digits come before letters.
    for path in sorted(folder.glob("*.log")):
        name, _, seq = path.stem.partition(".")
        if not seq or _is_seq(seq):
            found.setdefault(name, []).append(path)
    return found
