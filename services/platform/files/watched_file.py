"""A file that may be replaced while the process runs, such as one of secrets."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["WatchedFile"]

LOOK_EVERY_S = 1.0
"""Between looks at the file: a `stat` for each use would cost as much as the use."""

Value = TypeVar("Value")


class WatchedFile(Generic[Value]):
    """What a file says, read again when it has changed and is asked for; the last good is kept.

    Raises OSError or ValueError if it is of no use now. `parse` raises ValueError, which quotes no
    secret; `changed` is given each new value, `failed` why there is none, once for each change.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[str], Value],
        *,
        changed: Callable[[Value], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._path = path
        self._parse = parse
        self._changed = changed
        self._failed = failed
        self._stamp: tuple[int, int, int] | None = self._look()
        self._value = parse(path.read_text())
        self._look_at = time.monotonic() + LOOK_EVERY_S

    def __call__(self) -> Value:
        """Return what it says."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._refresh()
        return self._value

    def _refresh(self) -> None:
        try:
            seen = self._look()
            if seen == self._stamp:
                return
            self._stamp = seen
            value = self._parse(self._path.read_text())
        except (OSError, ValueError) as error:
            self._failed(error)
            return
        try:
            # Where the change cannot be recorded, the old value stays, and the next look tries.
            self._changed(value)
        except OSError as error:
            self._stamp = None
            self._failed(error)
            return
        self._value = value

    def _look(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
