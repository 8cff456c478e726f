"""Environments of processes."""

import os
from pathlib import Path

__all__ = ["environment"]


def environment(process: int | None = None) -> dict[str, str]:
    """Give that of another process, or the one to start Aviary with.

    The latter has none of the settings that whoever runs the benchmark may have set for an Aviary
    of theirs: figures are of the defaults.
    """
    if process is None:
        return {name: value for name, value in os.environ.items() if not name.startswith("AVIARY_")}
    raw = Path(f"/proc/{process}/environ").read_bytes().decode()
    return dict(line.split("=", 1) for line in raw.split("\0") if line)
