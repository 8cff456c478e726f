"""What the processes of a running mesh cost."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat, counted from the one after the name.
_PARENT, _USER_TICKS, _SYSTEM_TICKS = 1, 11, 12


def cpu_seconds(supervisor: int) -> dict[str, float]:
    """CPU time so far of each child of the supervisor, by name."""
    spent: dict[str, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(stat[_PARENT]) == supervisor:
            ticks = int(stat[_USER_TICKS]) + int(stat[_SYSTEM_TICKS])
            spent[_name(entry, words)] = ticks / _TICKS_PER_S
    return spent


def cpu_seconds_of(process: int) -> float:
    """CPU time so far of one process."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[_USER_TICKS]) + int(stat[_SYSTEM_TICKS])) / _TICKS_PER_S


def _name(entry: Path, words: list[bytes]) -> str:
    if b"services" in words:
        return words[words.index(b"services") + 1].decode()
    program = Path(words[0].decode()).name
    if program.startswith("valkey-server"):
        # It changes its command line, and runs in its folder.
        return "valkey " + (entry / "cwd").readlink().name
    return program
