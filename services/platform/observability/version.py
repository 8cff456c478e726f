"""Which version of Aviary this is; apart, for programs that measure nothing of themselves."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["aviary_version"]

PACKAGE: Final = "aviary"


def aviary_version() -> str:
    """Return the version of what is installed; `unknown` in a source tree that is not."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"
