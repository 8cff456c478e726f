"""Where Prometheus fetches the metrics of the system that runs on this machine.

A running `up` keeps a target file, as Prometheus's `file_sd_configs` reads it, in its data folder.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from services.platform.config.values import each_address
from services.platform.files.documents import json_of
from services.platform.files.whole_file import write_whole

__all__ = ["TARGETS_FILE", "published"]

TARGETS_FILE: Final = Path("prometheus") / "targets.json"
"""Within the data folder."""


@contextlib.contextmanager
def published(data_dir: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Keep the file, until the end: each name is a `job`, with a target for each `host:port`."""
    file = data_dir / TARGETS_FILE
    file.parent.mkdir(exist_ok=True)
    targets = [
        {"targets": each_address(at), "labels": {"job": name}} for name, at in addresses.items()
    ]
    write_whole(file, json_of(targets))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
