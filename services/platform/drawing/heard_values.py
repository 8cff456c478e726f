"""Values by id in this process, for as long as this process hears of each that changes."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

__all__ = ["GENERATION_S", "HeardValues"]

GENERATION_S: Final = 30.0
"""What is kept is a minute old at most, should an announcement be lost that nobody missed."""
GENERATION_VALUES: Final = 25_000
"""In both generations 30 to 60 MB of counts, and as much of users, unless all say much of
themselves."""

Value = TypeVar("Value")


class HeardValues(Generic[Value]):
    """Two generations of values, the older dropped as a whole.

    It keeps values only while it is open: while each change is announced to it (see
    `services.platform.valkey.announcements`). A value whose change was announced is not kept from a
    look that began before. With `settle_s` what changes is shown as it was for so long at most, in
    seconds: an id that changes all the time is looked up as often as that, and not at each read.
    """

    def __init__(
        self,
        *,
        settle_s: float = 0.0,
        generation_s: float = GENERATION_S,
        generation_values: int = GENERATION_VALUES,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settle_s = settle_s
        self._generation_s = generation_s
        self._generation_values = generation_values
        self._now_s = now_s
        self._open = False
        self._kept: dict[int, Value] = {}
        """Both generations: what is dropped at a turn is what is not in the young one."""
        self._young: dict[int, Value] = {}
        self._turn_at = now_s() + generation_s
        self._changed: dict[int, int] = {}
        """Of what changed in the last two generations, the change's number."""
        self._changed_young: dict[int, int] = {}
        self._changes = 0
        self._known_since = 0
        """The number of the change since which all are known."""
        self._unsettled: set[int] = set()
        self._settle_at = 0.0

    @property
    def changes(self) -> int:
        """How many changes were heard of: note it before a look, and give it to `put_many`."""
        return self._changes

    def get_many(self, ids: Sequence[int]) -> list[Value | None]:
        """The values of these ids, None for what is not here."""
        now_s = self._now_s()
        if self._unsettled and now_s >= self._settle_at:
            for one in self._unsettled:
                self._drop(one)
            self._unsettled.clear()
        if now_s >= self._turn_at or len(self._young) >= self._generation_values:
            self._turn(now_s)
        return list(map(self._kept.get, ids))

    def put_many(self, values: Mapping[int, Value], changes: int) -> None:
        """Keep values that were looked up when there had been so many `changes`."""
        if not self._open or changes < self._known_since:
            return
        for one, value in values.items():
            is_right = self._changed.get(one, 0) <= changes
            if is_right:
                self._unsettled.discard(one)
            elif not self._settle_s:
                continue
            self._kept[one] = self._young[one] = value
            if not is_right:
                self._unsettle(one)

    def open(self) -> None:
        """Begin to keep values: every change is announced from now on."""
        self._open = True
        self._changes += 1
        # What was looked up before this may have changed since, and nobody said so.
        self._known_since = self._changes

    def close(self) -> None:
        """Forget all and keep nothing: announcements may be missed."""
        self._open = False
        self._kept, self._young = {}, {}
        self._changed, self._changed_young = {}, {}
        self._unsettled.clear()

    def gone(self, one: int) -> None:
        """Keep what changed no longer, or not from a look that is under way."""
        self._changes += 1
        self._changed[one] = self._changed_young[one] = self._changes
        if not self._settle_s:
            self._drop(one)
        elif one in self._kept:
            self._unsettle(one)
        if len(self._changed_young) >= self._generation_values:
            # Where nobody reads, it is changes alone that fill a generation.
            self._turn(self._now_s())

    def _unsettle(self, one: int) -> None:
        if not self._unsettled:
            self._settle_at = self._now_s() + self._settle_s
        self._unsettled.add(one)

    def _drop(self, one: int) -> None:
        self._kept.pop(one, None)
        self._young.pop(one, None)

    def _turn(self, now_s: float) -> None:
        # After a quiet time both generations are past their age, and dropped at once.
        is_late = now_s >= self._turn_at + self._generation_s
        self._kept = {} if is_late else self._young
        self._young = {}
        # A look that began before what is forgotten of changes would not be known as such.
        forgotten = self._changed.keys() - self._changed_young.keys()
        if is_late:
            self._known_since = self._changes
        elif forgotten:
            self._known_since = max(self._known_since, *map(self._changed.__getitem__, forgotten))
        self._changed = {} if is_late else self._changed_young
        self._changed_young = {}
        self._turn_at = now_s + self._generation_s
