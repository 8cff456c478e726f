"""Whom readers do not see, kept for a moment: a reader turns pages, and types on."""

import time
from collections.abc import Callable
from typing import Final

from services.search.ports import Hidden

__all__ = ["FRESH_S", "KnownHidden"]

FRESH_S: Final = 30.0
"""How long whoever is muted or blocked no more may stay hidden. Who is hidden anew is at once: of a
page's authors that is asked as of now."""
MOST_IDS: Final = 500_000
"""Kept of all readers, some 40 MB. Who hides a tenth of that is read each time."""


class KnownHidden:
    """A `Hidden` that keeps what another gave. For one event loop."""

    def __init__(self, source: Hidden, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._now_s = now_s
        self._known: dict[int, tuple[float, frozenset[int]]] = {}
        self._ids = 0

    async def from_reader(self, user_id: int) -> frozenset[int]:
        """Read whom the reader does not see, unless that was read just now."""
        read_s, hidden = self._known.get(user_id, (None, frozenset[int]()))
        if read_s is not None and self._now_s() - read_s < FRESH_S:
            return hidden
        # Dated before the call: it may have been made before a change that came meanwhile.
        began_s = self._now_s()
        hidden = await self._source.from_reader(user_id)
        self._forget(user_id)
        if len(hidden) <= MOST_IDS // 10:
            self._known[user_id] = (began_s, hidden)
            self._ids += 1 + len(hidden)
            while self._ids > MOST_IDS:
                self._forget(next(iter(self._known)))
        return hidden

    def _forget(self, user_id: int) -> None:
        _, hidden = self._known.pop(user_id, (None, None))
        if hidden is not None:
            self._ids -= 1 + len(hidden)
