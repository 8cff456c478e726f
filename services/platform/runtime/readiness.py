"""Whether everything holds that a process needs of itself: its loops run, its files can be written.

What other processes do is no part of it. A service whose siblings are down does its own part, and
must not be taken for broken with them.
"""

from collections.abc import Callable

__all__ = ["Readiness"]


class Readiness:
    """Collects what must hold in one process, and names what does not; one a process."""

    def __init__(self) -> None:
        self._required: list[tuple[str, Callable[[], bool]]] = []

    def require(self, name: str, holds: Callable[[], bool]) -> None:
        """Take the process for ready only while `holds()` is true.

        It is called every few seconds, on the event loop: it must look at memory alone. A name
        may be given more than once.
        """
        self._required.append((name, holds))

    def names(self) -> list[str]:
        """Name all that must hold, each once."""
        return sorted({name for name, _ in self._required})

    def failing(self) -> list[str]:
        """Name what does not hold now, each name once; nothing when the process is ready."""
        return sorted({name for name, holds in self._required if not _holds(holds)})


def _holds(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except Exception:  # noqa: BLE001 - what cannot be found out does not hold
        return False
