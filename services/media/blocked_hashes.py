"""A list of pictures that must not be shown, by the digests of their bytes, in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from services.platform.files.watched_file import WatchedFile
from services.platform.observability.log_events import (
    EVENT_MEDIA_HASHES_FAILED,
    EVENT_MEDIA_HASHES_RELOADED,
)

__all__ = ["BlockedHashes", "parse_hashes"]

DIGEST_DIGITS: Final = 64
_log = structlog.get_logger()


class BlockedHashes:
    """A `Scanner` that goes by the file at `path`, as it is from now on.

    A file that cannot be read, or has a line that is wrong, leaves the last good list in force.
    Raises ValueError or OSError if it cannot be used now.
    """

    def __init__(self, path: Path) -> None:
        self._hashes = WatchedFile(path, parse_hashes, changed=_reloaded, failed=_failed)

    async def scan(self, _data: bytes, sha256: str) -> str | None:
        """Give the label of the digest; None where it is not on the list."""
        label = self._hashes().get(sha256)
        return None if label is None else f"hash list: {label}"


def parse_hashes(text: str) -> Mapping[str, str]:
    """Read lines of a SHA-256 in hex and, behind a blank, a label; `#` begins a comment."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        digest, _, label = line.partition("#")[0].strip().partition(" ")
        if not digest:
            continue
        if len(digest) != DIGEST_DIGITS or digest.lower().strip("0123456789abcdef"):
            raise ValueError(f"line {number} does not begin with a SHA-256 in hex")
        found[digest.lower()] = label.strip() or "unnamed"
    return found


def _reloaded(hashes: Mapping[str, str]) -> None:
    _log.info(EVENT_MEDIA_HASHES_RELOADED, hashes=len(hashes))


def _failed(error: Exception) -> None:
    _log.warning(EVENT_MEDIA_HASHES_FAILED, error=str(error))
