"""A file that may be replaced while the process runs, such as one of secrets."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["Stamp", "WatchedFile", "stamp"]

LOOK_EVERY_S = 1.0
"""Between looks at the file: a `stat` for each use would cost as much as the use."""

Value = TypeVar("Value")
Stamp = tuple[int, int, int]
"""Changes with a file's content, and when another file is moved or linked into its place."""


def stamp(path: Path) -> Stamp:
    """Return the stamp of the file that the path leads to; raises OSError where there is none."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


class WatchedFile(Generic[Value]):
    """A function that returns what a file holds, and reads it again when it has changed.

    Where a change cannot be used, the last good value stays. Making one raises OSError or
    ValueError where there is no good value yet. `parse` raises ValueError, which quotes no secret;
    `changed` is given each new value, `failed` why there is none, once for each change.
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
        self._stamp: Stamp | None = stamp(path)
        self._value = parse(path.read_text())
        self._look_at = time.monotonic() + LOOK_EVERY_S

    def __call__(self) -> Value:
        """Return the value of now; looks at the file once a second at most."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._refresh()
        return self._value

    def _refresh(self) -> None:
        try:
            seen = stamp(self._path)
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
