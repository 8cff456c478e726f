"""One Aviary for each data folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from services.local.errors import StartError

__all__ = ["locked"]


@contextlib.contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Keep the folder to ourselves until the end. Raises `StartError` when another has it."""
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"{data_dir} is in use by another Aviary, or by a backup") from error
        yield
