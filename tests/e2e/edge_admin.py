"""The edge of a running system, and what it knows of the services behind it."""

import re
from pathlib import Path

from gateway.envoy_admin import ask, unreached
from tests.e2e.service_processes import words_of

__all__ = ["edge_process", "passed_checks", "reaches_all"]


def edge_process(data_dir: Path) -> int:
    """Process id of what runs the edge's Envoy, which dies with it."""
    config = str(data_dir / "envoy.json").encode()
    for entry in Path("/proc").iterdir():
        words = words_of(entry) if entry.name.isdigit() else []
        if b"gateway.draining_envoy" in words and config in words:
            return int(entry.name)
    raise AssertionError("no edge runs")


def reaches_all(data_dir: Path) -> bool:
    """Whether the edge sends calls to each process that it knows of."""
    return not unreached(_socket(data_dir))


def passed_checks(data_dir: Path, service: str) -> dict[str, int]:
    """How many checks of its health a service has passed, by each cluster of its processes.

    None where the edge has no calls for it.
    """
    pattern = rf"^cluster\.{service}(-http)?\.health_check\.success$"
    lines = _asked(data_dir, f"/stats?filter={pattern}").decode().splitlines()
    return {name: int(count) for name, _, count in (line.partition(": ") for line in lines)}


def _asked(data_dir: Path, path: str) -> bytes:
    return ask(_socket(data_dir), "GET", path)


def _socket(data_dir: Path) -> str:
    """Where it is, as was said at the start: in another folder where the path would be too long."""
    said = (data_dir.parent / "up.log").read_text()
    greeting = rf"logs +{re.escape(str(data_dir))}/logs\n.*\n +admin +curl --unix-socket (\S+)"
    return re.findall(greeting, said)[-1]
