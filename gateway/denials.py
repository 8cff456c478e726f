"""Brings what the edge refused into the audit log.

Envoy writes a line of JSON for each refusal to a file, and this reads on from where it was. A flood
of refusals of one kind becomes one entry a second with a count, so that nobody fills the audit log
by knocking. Delivery is at least once: after a crash the last second may come twice.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from services.audit.port import EDGE_DENIED, LIMIT_HIT, Audit, Fact
from services.telemetry import EVENT_AUDIT_DENIALS_UNREAD

__all__ = ["DENIAL_FIELDS", "Denials"]

DENIAL_FIELDS: Final = ("status", "rpc", "remote", "user", "client", "reason")
"""What makes two refusals of one kind; the edge writes these, and `request_id`."""

POLL_S: Final = 1.0
MAX_BYTES: Final = 4 * 1024 * 1024
"""Read at once; what is left waits for the next look."""
TOO_MANY_REQUESTS: Final = 429
OFFSET_SUFFIX: Final = ".read"
_log = structlog.get_logger()


class Denials:
    """Follows the file at `path`, across its rotation and our restarts."""

    def __init__(self, path: Path, audit: Audit) -> None:
        self._path = path
        self._audit = audit
        self._mark = path.with_name(path.name + OFFSET_SUFFIX)

    async def keep_reading(self) -> None:
        """Read for ever."""
        while True:
            try:
                await asyncio.to_thread(self.read)
            except OSError as error:
                _log.warning(EVENT_AUDIT_DENIALS_UNREAD, error=str(error))
            await asyncio.sleep(POLL_S)

    def read(self) -> None:
        """Record what is new."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            found = os.fstat(file.fileno())
            inode, offset = self._where()
            if inode != found.st_ino or offset > found.st_size:
                offset = 0  # another file, or cut: begin at its beginning
            file.seek(offset)
            lines, _, _ = file.read(MAX_BYTES).rpartition(b"\n")
        if lines:
            self._record(lines.split(b"\n"))
            self._remember(found.st_ino, offset + len(lines) + 1)

    def _record(self, lines: Sequence[bytes]) -> None:
        kinds: Counter[tuple[Fact, ...]] = Counter()
        first: dict[tuple[Fact, ...], Fact] = {}
        for line in lines:
            fields = _parsed(line)
            kind = tuple(_fact(fields.get(name)) for name in DENIAL_FIELDS)
            kinds[kind] += 1
            first.setdefault(kind, _fact(fields.get("request_id")))
        for kind, times in kinds.items():
            facts = {name: fact for name, fact in zip(DENIAL_FIELDS, kind, strict=True) if fact}
            event = LIMIT_HIT if facts.get("status") == TOO_MANY_REQUESTS else EDGE_DENIED
            self._audit.record(event, **facts, times=times, request_id=first[kind])

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


def _parsed(line: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    return fields if isinstance(fields, dict) else {"reason": "a line that is not JSON"}


def _fact(value: object) -> Fact:
    return value if isinstance(value, (str, int)) else ""
