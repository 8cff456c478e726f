"""Secret keys: from a setting, or from a file that may be replaced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.platform.files.watched_file import WatchedFile
from services.platform.observability.log_events import EVENT_SECRET_FAILED, EVENT_SECRET_RELOADED

__all__ = ["Secret", "SecretKeys", "parse_secrets"]

_log = structlog.get_logger()

SecretKeys = Callable[[], Sequence[bytes]]
"""The keys of the moment: the first makes what is new, all are good for what is old. Never empty;
the same object until they change."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a process: a value, or a file that is watched; with neither, there is none."""

    variable: str
    value: bytes | None = field(repr=False)
    path: Path | None
    least_bytes: int
    most_bytes: int | None = None

    def keys(self, changed: Callable[[], None] = lambda: None) -> SecretKeys | None:
        """Return the value, or what the file holds from now on; None where there is neither.

        `changed` is called whenever the file has other keys. Raises ValueError or OSError if it
        cannot be used now.
        """
        if self.path is None:
            only = None if self.value is None else (self.value,)
            return None if only is None else lambda: only

        def reloaded(_: Sequence[bytes]) -> None:
            _log.info(EVENT_SECRET_RELOADED, variable=self.variable)
            changed()

        def failed(error: Exception) -> None:
            _log.warning(EVENT_SECRET_FAILED, variable=self.variable, error=str(error))

        return WatchedFile(self.path, self._parse, changed=reloaded, failed=failed)

    def _parse(self, text: str) -> tuple[bytes, ...]:
        return parse_secrets(text, self.least_bytes, self.most_bytes)


def parse_secrets(text: str, least_bytes: int, most_bytes: int | None) -> tuple[bytes, ...]:
    """Read keys written as hex digits, by commas or lines; raises ValueError, which quotes none."""
    keys = [_key(part, least_bytes, most_bytes) for part in text.replace(",", "\n").split()]
    if not keys:
        raise ValueError("no key")
    return tuple(keys)


def _key(digits: str, least_bytes: int, most_bytes: int | None) -> bytes:
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if not least_bytes <= len(key) <= (most_bytes or len(key)):
        bound = "at least" if most_bytes is None else "exactly"
        raise ValueError(f"{bound} {least_bytes} bytes written as hex digits")
    return key
