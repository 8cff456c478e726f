"""A number that rises while this process's event loop turns, for the supervisor to look at.

It lies in memory that both share: to look at it wakes nobody, and no disk is in the way.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from services.platform.runtime.background import Background

__all__ = ["BEATS_EVERY_S", "Heartbeat", "beating"]

BEATS_EVERY_S: Final = 2.0
"""A wake-up that the process has anyway: its loops share their beats (see `background`)."""
BYTES: Final = 8


class Heartbeat:
    """The number: beats since the file was made, over all processes that have had it in turn.

    `path` is a file that holds it already, of `BYTES` bytes. Raises `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._beats = read(self._descriptor)

    def beat(self) -> None:
        """Count one more; takes a microsecond."""
        self._beats += 1
        write(self._descriptor, self._beats)

    def close(self) -> None:
        """Beat no more."""
        os.close(self._descriptor)


@asynccontextmanager
async def beating(path: Path | None) -> AsyncIterator[None]:
    """Beat while the running loop turns, until the end; nothing without a path.

    Raises `OSError` where there is no such file.
    """
    if path is None:
        yield
        return
    heart = Heartbeat(path)

    async def beat() -> None:
        heart.beat()

    beats = Background("heartbeat", beat, every_s=BEATS_EVERY_S)
    beats.start()
    try:
        yield
    finally:
        await beats.stop()
        heart.close()


def read(descriptor: int) -> int:
    """Return the beats in a file."""
    return int.from_bytes(os.pread(descriptor, BYTES, 0), "little")


def write(descriptor: int, beats: int) -> None:
    """Put them there."""
    os.pwrite(descriptor, beats.to_bytes(BYTES, "little"), 0)
