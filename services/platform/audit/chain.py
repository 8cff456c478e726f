"""The form of the audit log, and how it shows that it was touched.

Each entry is a line of JSON that carries the SHA-256 of the entry before it, and its own. To
change, remove, add or move a line, one has to rewrite every line after it. What the chain alone
cannot show: that its last entries were cut off, or that all of it was rewritten by somebody who
could write the files. Against both, keep its head elsewhere (`audit heads`), where that somebody
cannot write, and verify with it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["GENESIS", "ChainError", "Head", "canonical", "seal", "verify"]

GENESIS: Final = "0" * 64
"""What the first entry of a chain follows."""


class ChainError(Exception):
    """The log is not as it was written; the text names file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain."""

    seq: int
    """From 0; -1 of a chain without entries."""
    digest: str


def canonical(value: Mapping[str, Any]) -> bytes:
    """Encode as the one JSON that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def seal(entry: Mapping[str, Any], head: Head) -> tuple[bytes, Head]:
    """Put an entry behind the head; gives its line without the newline, and the new head."""
    linked = {**entry, "seq": head.seq + 1, "prev": head.digest}
    digest = _digest(linked)
    return canonical({**linked, "hash": digest}), Head(head.seq + 1, digest)


def verify(files: Iterable[Path], anchor: Head | None = None) -> Head:
    """Check the files of one chain, oldest first; gives its head.

    Raises `ChainError`, also when `anchor`, a head noted earlier, is not part of the chain.
    """
    head = Head(-1, GENESIS)
    anchored = anchor is None or anchor.seq < 0
    for where, entry in _entries(files):
        head = _checked(where, entry, head)
        if anchor is not None and head.seq == anchor.seq:
            if head.digest != anchor.digest:
                raise ChainError(f"{where}: is not the entry that was anchored: rewritten")
            anchored = True
    if not anchored:
        raise ChainError(f"ends at entry {head.seq}, before the anchored one: cut off")
    return head


def _entries(files: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files:
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    where = f"{file}:{number}"
                    if not line.endswith(b"\n"):
                        raise ChainError(f"{where}: the line is cut off")
                    yield where, _parsed(where, line)
        except OSError as error:
            raise ChainError(f"{file}: cannot be read: {error.strerror}") from error


def _parsed(where: str, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ChainError(f"{where}: is not JSON") from error
    if not isinstance(entry, dict) or not {"seq", "prev", "hash"} <= entry.keys():
        raise ChainError(f"{where}: is no entry")
    # Bytes that mean the same are still not the bytes that were written.
    if canonical(entry) + b"\n" != line:
        raise ChainError(f"{where}: changed")
    return entry


def _checked(where: str, entry: dict[str, Any], head: Head) -> Head:
    digest = entry.pop("hash")
    if _digest(entry) != digest:
        raise ChainError(f"{where}: changed")
    if entry["seq"] != head.seq + 1:
        raise ChainError(
            f"{where}: entry {entry['seq']} follows entry {head.seq}: removed, added or moved"
        )
    if entry["prev"] != head.digest:
        raise ChainError(f"{where}: does not follow the entry before it: rewritten")
    return Head(head.seq + 1, digest)


def _digest(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(entry)).hexdigest()
