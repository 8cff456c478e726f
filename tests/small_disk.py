"""A disk of a test's own that is soon full; where none can be mounted tests skip and say so.

Where REQUIRE_SMALL_DISK=1, they fail instead.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "small_disk"]

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system in memory."""

    path: Path

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self) -> None:
        """Leave no byte, nor let others have the bytes that they give back."""
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(CHUNK_BYTES))

    def free(self) -> None:
        """Free what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"


@contextlib.contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small file system at `path`."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", path]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        why = f"no small disk can be mounted: {done.stderr.strip()}"
        if os.environ.get("REQUIRE_SMALL_DISK") == "1":
            pytest.fail(why)
        pytest.skip(why)
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: what still runs there is no reason to leave it mounted.
        subprocess.run(["umount", "--lazy", path], check=True)  # noqa: S607 - from PATH
