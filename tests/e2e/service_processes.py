"""Which processes of services a supervisor has started."""

import contextlib
from pathlib import Path

__all__ = ["services_of", "words_of"]


def services_of(supervisor: int) -> dict[str, list[int]]:
    """The ids of its processes by service name, in the order of their beginnings."""
    found: dict[str, list[int]] = {}
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    for entry in sorted(entries, key=lambda each: int(each.name)):
        words = words_of(entry)
        # Of the supervisor, or of the process that is forked for it.
        if b"services" in words and supervisor in _above(entry):
            name = words[words.index(b"services") + 1].decode()
            found.setdefault(name, []).append(int(entry.name))
    return found


def words_of(entry: Path) -> list[bytes]:
    """The command line of a process, by its folder in `/proc`."""
    # It may have ended since it was listed. One that was forked has its title in one piece.
    with contextlib.suppress(OSError):
        return (entry / "cmdline").read_bytes().replace(b"\0", b" ").split()
    return []


def _above(entry: Path) -> tuple[int, int]:
    """Its parent, and the parent's."""
    parent = _parent(entry)
    return parent, _parent(Path(f"/proc/{parent}"))


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
