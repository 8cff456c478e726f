"""Which ids of a list come next above one, where the list is read from its newest id down.

Stores keep lists with the newest first, and read them that way alone. So a page of newer entries is
found from above: from the top, where that is near, as it is for whoever asks for what is new; else
from a guess of where enough of them end, which is corrected by what is found there.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from operator import neg
from typing import Final, NamedTuple

__all__ = ["Below", "IdsAbove", "Upwards"]

WALKED_IDS: Final = 800
"""Read from the top before a guess: what memory has of a home timeline, in a few looks."""
LOOK_IDS: Final = 200
"""Of each of those looks but the first."""
PATIENT_LOOKS: Final = 8
"""Guesses of which each goes by what the last one found; further ones halve what is left, and a
few ids are enough then."""
MOST_LOOKS: Final = 72
"""Halving 63 bits ends before that; a list that changes meanwhile may keep it from doing so."""
LEAST_GROWTH, MOST_GROWTH = 2, 64
"""Of a guess that was too near: times."""

Below = Callable[[int | None, int], Awaitable[tuple[Sequence[int], bool]]]
"""Read (at least so many ids below one (None: the newest), newest first, or all there are; whether
nothing older exists)."""


class IdsAbove(NamedTuple):
    """Consecutive ids of a list, newest first."""

    ids: Sequence[int]
    ended: bool
    """Whether nothing newer existed."""


class Upwards:
    """Finds the ids above one, for one read; what it found is kept for the read's next round."""

    def __init__(self, below: Below) -> None:
        self._below = below
        self._ids: Sequence[int] = ()
        """Without a gap from where the first round began."""
        self._is_top = False
        """Whether there is nothing newer than these."""
        self._walked: list[int] = []
        """Down from the top, once; without a gap."""

    async def above(self, after: int, count: int) -> IdsAbove:
        """Read the `count` ids next above `after`; fewer at the top, and seldom below it.

        `after` does not fall from round to round. None at all, and not ended, means that the list
        changes faster than it can be read.
        """
        known = _above(self._ids, after)
        if not self._is_top and len(known) < count:
            await self._find(after, count)
            known = _above(self._ids, after)
        return IdsAbove(known[-count:], self._is_top and len(known) <= count)

    async def _find(self, after: int, count: int) -> None:
        """Walk down from the top; from further up than `WALKED_IDS`, guess."""
        if await self._walk(after, count):
            self._ids, self._is_top = self._walked, True
        else:
            await self._guess(after, count, self._walked)

    async def _walk(self, after: int, count: int) -> bool:
        """Walk down from the top, once for all rounds; say whether that came to `after`."""
        walked, wanted = self._walked, count
        while not walked or walked[-1] > after:
            if len(walked) >= WALKED_IDS:
                return False
            found, reached = await self._down_to(after, walked[-1] if walked else None, wanted)
            walked += found
            if reached:
                return True
            wanted = LOOK_IDS
        return True

    async def _guess(self, after: int, count: int, walked: list[int]) -> None:
        """Look below guessed distances from `after`, until one has enough and not many more.

        The first goes by how dense the ids are that were walked.
        """
        least, most, is_too_far = 0, walked[-1] - after, False
        distance = 2 * count * (walked[0] - walked[-1]) // len(walked)
        for look in range(MOST_LOOKS):
            if look >= PATIENT_LOOKS or not least < distance < most:
                distance = (least + most) // 2 if is_too_far else most
            ids, reached = await self._down_to(after, after + distance, 2 * count)
            if not reached:
                most, is_too_far = distance, True
                distance = 2 * count * (ids[0] - ids[-1]) // len(ids)
            elif not is_too_far and distance == most:
                self._ids, self._is_top = [*walked, *ids], True
                return
            elif len(ids) >= (count if look < PATIENT_LOOKS else 1):
                self._ids = ids
                return
            else:
                least = distance
                distance *= max(LEAST_GROWTH, min(MOST_GROWTH, 2 * count // max(1, len(ids))))

    async def _down_to(
        self, after: int, before: int | None, count: int
    ) -> tuple[Sequence[int], bool]:
        """Read (`count` ids below `before`, those above `after` alone; whether that is all)."""
        ids, ended = await self._below(before, count)
        if not ids or ids[-1] > after:
            return ids, ended
        return _above(ids, after), True


def _above(ids: Sequence[int], after: int) -> Sequence[int]:
    return ids[: bisect_left(ids, -after, key=neg)]
