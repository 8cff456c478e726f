"""Follows a file of JSON lines that another program appends to, such as Envoy's access log."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from services.telemetry import EVENT_AUDIT_DENIALS_UNREAD

__all__ = ["UNREADABLE", "Fields", "JsonLines"]

Fields = Mapping[str, object]
UNREADABLE: Final[Fields] = {"reason": "a line that is not JSON"}

POLL_S: Final = 1.0
MAX_BYTES: Final = 4 * 1024 * 1024
"""Read at once; more follows until there is no more. A line as long is no line of an Envoy's, which
bounds headers: it counts as one that makes no sense, or nothing behind it would ever be read."""
OFFSET_SUFFIX: Final = ".read"
_log = structlog.get_logger()


class JsonLines:
    """Reads on from where it was, across the file's rotation and our restarts.

    `take` is given what is new. Delivery is at least once: after a crash the last second may come
    twice. One process at a time follows a file.
    """

    def __init__(self, path: Path, take: Callable[[Sequence[Fields]], None]) -> None:
        self._path = path
        self._take = take
        self._mark = path.with_name(path.name + OFFSET_SUFFIX)

    async def keep_reading(self) -> None:
        """Read for ever."""
        while True:
            try:
                await asyncio.to_thread(self.read)
            except OSError as error:
                _log.warning(EVENT_AUDIT_DENIALS_UNREAD, path=str(self._path), error=str(error))
            await asyncio.sleep(POLL_S)

    def read(self) -> None:
        """Take what is new, however much it is."""
        while self._read_some():
            pass

    def _read_some(self) -> bool:
        """Take up to `MAX_BYTES`; gives whether there may be more."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        with file:
            found = os.fstat(file.fileno())
            inode, offset = self._where()
            if inode != found.st_ino or offset > found.st_size:
                offset = 0  # another file, or cut: begin at its beginning
            file.seek(offset)
            some = file.read(MAX_BYTES)
        full = len(some) == MAX_BYTES
        lines, _, _ = some.rpartition(b"\n")
        if lines:
            self._take([_parsed(line) for line in lines.split(b"\n")])
            self._remember(found.st_ino, offset + len(lines) + 1)
        elif full:
            self._take([UNREADABLE])
            self._remember(found.st_ino, offset + len(some))
        return full

    def _where(self) -> tuple[int, int]:
        try:
            inode, offset = self._mark.read_text().split()
            return int(inode), int(offset)
        except (FileNotFoundError, ValueError):
            return 0, 0

    def _remember(self, inode: int, offset: int) -> None:
        # Whole or not at all, also for a reader that comes after a crash.
        fresh = self._mark.with_name(self._mark.name + ".new")
        fresh.write_text(f"{inode} {offset}")
        fresh.replace(self._mark)


def _parsed(line: bytes) -> Fields:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    return fields if isinstance(fields, dict) else UNREADABLE
