"""Ids that are kept for a while, with no clock or order for each."""

import time
from collections.abc import Callable, Iterable

__all__ = ["RecentIds"]


class RecentIds:
    """Two generations of ids, the older dropped as a whole: none is kept above two generations.

    A generation ends after `generation_s` seconds, or when it has `generation_ids`.
    """

    def __init__(
        self,
        generation_s: float,
        generation_ids: int,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._generation_s = generation_s
        self._generation_ids = generation_ids
        self._now_s = now_s
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._turned_at_s = now_s()

    def among(self, ids: Iterable[int]) -> set[int]:
        """Those of the ids that are kept."""
        self._turn()
        asked = set(ids)
        return (asked & self._young) | (asked & self._old)

    def add(self, ids: Iterable[int]) -> None:
        """Keep ids."""
        self._turn()
        self._young.update(ids)

    def discard(self, one: int) -> None:
        """Keep an id no longer, if it is kept."""
        self._young.discard(one)
        self._old.discard(one)

    def clear(self) -> None:
        """Keep none."""
        self._young, self._old = set(), set()

    def _turn(self) -> None:
        now_s = self._now_s()
        age_s = now_s - self._turned_at_s
        if age_s < self._generation_s and len(self._young) < self._generation_ids:
            return
        # After a quiet time even the younger one is too old.
        self._old = self._young if age_s < 2 * self._generation_s else set()
        self._young = set()
        self._turned_at_s = now_s
