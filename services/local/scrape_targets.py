"""Where Prometheus fetches the metrics of the system that runs on this machine.

A running `up` keeps a target file, as Prometheus's `file_sd_configs` reads it, in its data folder.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["TARGETS_FILE", "told"]

TARGETS_FILE: Final = Path("prometheus") / "targets.json"
"""Within the data folder."""


@contextlib.contextmanager
def told(data_dir: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Write the file, a target for each `host:port` with its name as `job`, until the end."""
    file = data_dir / TARGETS_FILE
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(
        json.dumps(
            [{"targets": [at], "labels": {"job": name}} for name, at in addresses.items()], indent=2
        )
    )
    # In one step: Prometheus never reads half of it.
    new.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
