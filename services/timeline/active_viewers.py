"""Who is known to read their timeline, so that the store need not be asked at each push."""

import time
from collections.abc import Callable, Iterable

__all__ = ["ActiveViewers"]

AGE_S = 30.0
"""Who is known as active is asked for again after twice this at the latest."""
MOST = 50_000
"""Viewers known in one generation, of two: some megabytes in all."""


class ActiveViewers:
    """Viewers whom the store called active a short while ago.

    Only those: who is not among them has to be asked for. A viewer who begins to read is marked in
    the store before their timeline is built from the authors' lists, and every push that comes
    later must see that mark, so that nobody may be remembered as inactive. To push to one who is
    inactive by now costs a few rows and is no fault: readers build anew a whole day before a viewer
    counts as inactive.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._turned_at_s = monotonic()

    def among(self, viewers: Iterable[int]) -> set[int]:
        """Those of the viewers who are known as active."""
        self._turn()
        asked = set(viewers)
        return (asked & self._young) | (asked & self._old)

    def add(self, viewers: Iterable[int]) -> None:
        """Remember viewers whom the store has just called active."""
        self._turn()
        self._young.update(viewers)

    def _turn(self) -> None:
        """Forget the older generation once the younger one is full, or has had its time."""
        now_s = self._monotonic()
        age_s = now_s - self._turned_at_s
        if age_s < AGE_S and len(self._young) < MOST:
            return
        # After a quiet time even the younger one is too old.
        self._old = self._young if age_s < 2 * AGE_S else set()
        self._young = set()
        self._turned_at_s = now_s
