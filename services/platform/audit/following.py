"""Follows a file of JSON lines that another program appends to, such as Envoy's access log."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import structlog

from services.platform.observability.names import EVENT_AUDIT_DENIALS_UNREAD

__all__ = ["POLL_S", "UNREADABLE", "Fields", "JsonLines"]

Fields = Mapping[str, object]
UNREADABLE: Final[Fields] = {"reason": "a line that is not JSON"}

POLL_S: Final = 1.0
MAX_BYTES: Final = 4 * 1024 * 1024
"""Read at once; more follows until there is no more. A line as long is no line of an Envoy's, which
bounds headers: it counts as one that makes no sense, or nothing behind it would ever be read."""
OFFSET_SUFFIX: Final = ".read"
_log = structlog.get_logger()


class _Place(NamedTuple):
    inode: int
    offset: int
    """Bytes of it that were taken."""


class JsonLines:
    """Reads on from where it was, across the file's rotation and our restarts.

    A file that was set aside is `<name>.1`, an older one `<name>.2` and so on. `take` is given what
    is new. Delivery is at least once: after a crash the last second may come twice. One process at
    a time follows a file.
    """

    def __init__(self, path: Path, take: Callable[[Sequence[Fields]], None]) -> None:
        self._path = path
        self._take = take
        self._mark = path.with_name(path.name + OFFSET_SUFFIX)
        self._place = self._remembered()

    async def try_to_read(self) -> float | None:
        """Take what is new, and say how soon to look again; log a file that cannot be read."""
        try:
            more = await asyncio.to_thread(self.read)
        except OSError as error:
            _log.warning(EVENT_AUDIT_DENIALS_UNREAD, path=str(self._path), error=str(error))
            return None
        return 0.0 if more else None

    def read(self) -> bool:
        """Take what is new of one file; return whether there is more. Raises `OSError`."""
        with ExitStack() as stack:
            files = [stack.enter_context(file) for file in self._files()]
            at, offset = self._where(files)
            if at is None:
                return False
            file = files[at]
            # Its writer has left it when there is something in the next one, and not before.
            left = at + 1 < len(files) and os.fstat(files[at + 1].fileno()).st_size > 0
            file.seek(offset)
            found = file.read(MAX_BYTES)
            ended = left and len(found) < MAX_BYTES
            lines, newline, _ = found.rpartition(b"\n") if not ended else (found, b"", b"")
            if len(found) == MAX_BYTES and not newline:
                # A line longer than any that is real would be waited for for ever.
                self._take([UNREADABLE])
                lines = found
            elif lines:
                self._take([_parsed(line) for line in lines.strip(b"\n").split(b"\n")])
            place = _Place(os.fstat(file.fileno()).st_ino, offset + len(lines) + len(newline))
            if ended:
                place = _Place(os.fstat(files[at + 1].fileno()).st_ino, 0)
            if place != self._place:
                self._remember(place)
            return left or len(found) == MAX_BYTES

    def _files(self) -> Iterator[BinaryIO]:
        """Open all there are, oldest first, whatever is renamed meanwhile."""
        older = []
        number = 1
        while (path := self._path.with_name(f"{self._path.name}.{number}")).exists():
            older.append(path)
            number += 1
        seen = set()
        for path in (*reversed(older), self._path):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue
            inode = os.fstat(file.fileno()).st_ino
            if inode in seen:
                file.close()
                continue
            seen.add(inode)
            yield file

    def _where(self, files: Sequence[BinaryIO]) -> tuple[int | None, int]:
        """Find the file to go on with, and how much of it was taken."""
        for number, file in enumerate(files):
            found = os.fstat(file.fileno())
            if self._place is not None and found.st_ino == self._place.inode:
                # One that was cut begins at its beginning.
                return number, self._place.offset if self._place.offset <= found.st_size else 0
        return (0, 0) if files else (None, 0)

    def _remembered(self) -> _Place | None:
        try:
            inode, offset = self._mark.read_text().split()
            return _Place(int(inode), int(offset))
        except (FileNotFoundError, ValueError):
            return None

    def _remember(self, place: _Place) -> None:
        # In memory first: without room for the file, nothing is taken twice but after a restart.
        self._place = place
        # Whole or not at all, also for a reader that comes after a crash.
        fresh = self._mark.with_name(self._mark.name + ".new")
        fresh.write_text(f"{place.inode} {place.offset}")
        fresh.replace(self._mark)


def _parsed(line: bytes) -> Fields:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    return fields if isinstance(fields, dict) else UNREADABLE
