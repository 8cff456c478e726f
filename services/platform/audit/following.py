"""Follows a file of JSON lines that another program appends to, such as Envoy's access log."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from services.platform.observability.log_events import EVENT_AUDIT_DENIALS_UNREAD

__all__ = ["LOST", "POLL_S", "UNREADABLE", "Fields", "JsonLines"]

Fields = Mapping[str, object]
UNREADABLE: Final[Fields] = {"reason": "a line that is not JSON"}
LOST: Final[Fields] = {"reason": "a log that was moved or removed: lines may be missing"}

POLL_S: Final = 1.0
MAX_BYTES: Final = 4 * 1024 * 1024
"""Read at once; more follows until there is no more. A line as long is no line of an Envoy's, which
bounds headers: it counts as one that makes no sense, or nothing behind it would ever be read."""
MAX_HELD: Final = 8
"""Files held open that are not read yet, more than there are of a log as a rule: what is held takes
room on the disk after its name has gone."""
LOOKS: Final = 20
"""A log is rotated once a second at most, and a look takes microseconds."""
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

    Files that are not read yet are held open, so that nothing in them is lost when they are renamed
    or removed. Where one has gone unseen all the same, `take` is given `LOST` in its place.
    """

    def __init__(self, path: Path, take: Callable[[Sequence[Fields]], None]) -> None:
        self._path = path
        self._take = take
        self._mark = path.with_name(path.name + OFFSET_SUFFIX)
        self._place = self._remembered()
        self._held: list[int] = []
        """Descriptors, oldest first: the file of the place, and all after it."""

    def __del__(self) -> None:
        for held in self._held:
            os.close(held)

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
        self._hold_new()
        if not self._held:
            return False
        file, offset = self._held[0], self._offset()
        # Its writer has left it when there is something in the next one, and not before.
        left = any(os.fstat(after).st_size > 0 for after in self._held[1:])
        found = os.pread(file, MAX_BYTES, offset)
        ended = left and len(found) < MAX_BYTES
        lines, newline, _ = found.rpartition(b"\n") if not ended else (found, b"", b"")
        if len(found) == MAX_BYTES and not newline:
            # A line longer than any that is real would be waited for for ever.
            self._take([UNREADABLE])
            lines = found
        elif lines:
            self._take([_parsed(line) for line in lines.strip(b"\n").split(b"\n")])
        place = _Place(os.fstat(file).st_ino, offset + len(lines) + len(newline))
        if ended:
            os.close(self._held.pop(0))
            place = _Place(os.fstat(self._held[0]).st_ino, 0)
        if place != self._place:
            self._remember(place)
        return left or len(found) == MAX_BYTES

    def _offset(self) -> int:
        """Say how much was taken of the file that is read; one that was cut begins anew."""
        found = os.fstat(self._held[0])
        place = self._place
        if place is None or place.inode != found.st_ino or place.offset > found.st_size:
            return 0
        return place.offset

    def _hold_new(self) -> None:
        """Hold what came after the files that are held; report it where some has gone unseen."""
        files = self._listed()
        known = [os.fstat(held).st_ino for held in self._held]
        if not known and self._place is not None:
            known = [self._place.inode]
        inodes = [os.fstat(file).st_ino for file in files]
        last = max((at for at, inode in enumerate(inodes) if inode in known), default=None)
        if last is None and known and files:
            # Between what was known and what there is now, anything may have been.
            self._report_lost(files)
        # The place itself is held anew after a start.
        new = 0 if last is None else last + bool(self._held)
        for file in files[:new]:
            os.close(file)
        self._held += files[new:]
        while len(self._held) > MAX_HELD:
            self._take([LOST])
            os.close(self._held.pop(0))

    def _report_lost(self, files: Sequence[int]) -> None:
        try:
            self._take([LOST])
        except BaseException:  # tried again at the next look
            for file in files:
                os.close(file)
            raise

    def _listed(self) -> list[int]:
        """Open all there are, oldest first, as they were between two renamings."""
        before = self._names()
        for _ in range(LOOKS):
            files = list(_opened(before))
            after = self._names()
            if after == before:
                return files
            for file in files:
                os.close(file)
            before = after
        raise OSError(f"{self._path} keeps changing its files")

    def _names(self) -> Mapping[Path, int]:
        """Return each file and its inode, oldest first; a number may be missing in a rotation."""
        numbered: dict[int, Path] = {0: self._path}
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            suffix = path.name.removeprefix(f"{self._path.name}.")
            if suffix.isdecimal() and suffix.isascii():
                numbered[int(suffix)] = path
        found: dict[Path, int] = {}
        for number in sorted(numbered, reverse=True):
            try:
                found[numbered[number]] = numbered[number].stat().st_ino
            except FileNotFoundError:
                continue
        return found

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


def _opened(names: Mapping[Path, int]) -> Iterator[int]:
    for path in names:
        try:
            yield os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue


def _parsed(line: bytes) -> Fields:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    return fields if isinstance(fields, dict) else UNREADABLE
