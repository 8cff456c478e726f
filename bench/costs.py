"""CPU time and memory of processes, from /proc: true however busy the machine is otherwise."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["cpu_seconds", "cpu_seconds_below", "cpu_seconds_of", "resident_bytes", "spent"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/<pid>/stat, counted from the one after the name. Times of children that have ended
# are their parent's, as those of a wrapper around Envoy.
_PARENT, _TICKS = 1, (11, 12, 13, 14)
_RESIDENT_PAGES = 1  # field of /proc/<pid>/statm
_FORKED = "forked"
"""What services are forks of."""
_RUN = {"gateway.draining_envoy": "envoy", "multiprocessing.forkserver": _FORKED}
"""Modules that run for the supervisor, and what they are."""


class _Process(NamedTuple):
    pid: int
    parent: int
    ticks: int


def cpu_seconds(supervisor: int) -> dict[str, float]:
    """CPU time so far of each child of the supervisor, with all below it, by name.

    Children of one name are added up. The supervisor's own is that of `up`.
    """
    totals: Counter[str] = Counter()
    for name, process in _below(supervisor):
        totals[name] += process.ticks
    return {name: ticks / _TICKS_PER_S for name, ticks in totals.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Give the seconds between two readings, by name."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def cpu_seconds_of(process: int) -> float:
    """CPU time so far of one process."""
    return _process(process).ticks / _TICKS_PER_S


def cpu_seconds_below(process: int) -> float:
    """CPU time so far of one process and all below it."""
    return sum(cpu_seconds(process).values())


def resident_bytes(supervisor: int) -> dict[str, int]:
    """Resident memory of the same, by name; pages that processes share count in each."""
    totals: Counter[str] = Counter()
    for name, process in _below(supervisor):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            pages = Path(f"/proc/{process.pid}/statm").read_text().split()[_RESIDENT_PAGES]
            totals[name] += int(pages) * _PAGE_BYTES
    return dict(totals)


def _below(supervisor: int) -> Iterator[tuple[str, _Process]]:
    """Give every process below the supervisor, and itself, with its child's name."""
    running = {one.pid: one for one in _processes()}
    if supervisor not in running:
        return
    yield "up", running[supervisor]
    name = cache(_name)
    for process in running.values():
        line = [process]
        while line[-1].parent in running and line[-1].parent != supervisor:
            line.append(running[line[-1].parent])
        if line[-1].parent != supervisor:
            continue
        child = line.pop()
        if line and name(child.pid) == _FORKED:
            child = line.pop()
        yield name(child.pid), process


def _processes() -> Iterator[_Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield _process(int(entry.name))
            except OSError:
                continue  # it has ended meanwhile


def _process(pid: int) -> _Process:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return _Process(pid, int(stat[_PARENT]), sum(int(stat[field]) for field in _TICKS))


def _name(pid: int) -> str:
    entry = Path(f"/proc/{pid}")
    try:
        # A fork has its title in one piece.
        words = (entry / "cmdline").read_bytes().decode().replace("\0", " ").split()
        if "services" in words:
            return words[words.index("services") + 1]
        for module, name in _RUN.items():
            if module in words:
                return name
        program = Path(words[0]).name
        if program.startswith("valkey-server"):
            # It changes its command line, and runs in its folder.
            return "valkey " + (entry / "cwd").readlink().name
    except OSError:
        return "ended"
    return program or "ended"
