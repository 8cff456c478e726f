"""Ids that are known to name something, in this process: most callers name the same few again."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.platform.ids.recent_ids import RecentIds

__all__ = ["KNOWN_FOR_MS", "KnownIds"]

GENERATION_S: Final = 30.0
KNOWN_FOR_MS: Final = int(2 * GENERATION_S * 1_000)
"""The longest that an id is thought to name something after it was asked for, in milliseconds. So
late one may be believed that is gone, where its announcement was lost and nobody noticed."""
GENERATION_IDS: Final = 100_000
"""About 10 MB."""

Ask = Callable[[Sequence[int]], Awaitable[list[int]]]
"""Gives those of some ids that name nothing."""


class KnownIds:
    """Those that `ask` did not miss, for a while.

    It keeps ids only while it is open: while it hears of each that is gone (see
    `services.platform.valkey.announcements`). What names nothing is asked for each time, as it may
    come to name something.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        generation_ids: int = GENERATION_IDS,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._known = RecentIds(GENERATION_S, generation_ids, now_s)
        self._open = False
        # What was asked before this changed may be out of date.
        self._heard = 0

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Those of `ids` that name nothing, in the order given; raises what `ask` does."""
        known = self._known.among(ids)
        unknown = [each for each in ids if each not in known]
        if not unknown:
            return []
        heard = self._heard
        missing = await self._ask(unknown)
        if self._open and heard == self._heard:
            self._known.add(set(unknown).difference(missing))
        return missing

    def open(self) -> None:
        """Begin to keep ids: each that is gone is announced from now on."""
        self._open = True
        self._heard += 1

    def close(self) -> None:
        """Forget all and keep nothing: announcements may be missed."""
        self._open = False
        self._heard += 1
        self._known.clear()

    def gone(self, gone_id: int) -> None:
        """Forget an id that names nothing any more."""
        self._heard += 1
        self._known.discard(gone_id)
