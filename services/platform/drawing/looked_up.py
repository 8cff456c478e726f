"""Values from this process, and the rest by one call for all readers of the moment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import chain
from typing import Final, Generic, TypeVar

from services.platform.drawing.heard_values import HeardValues
from services.platform.runtime.gathering import Gathering

__all__ = ["LookedUp"]

READERS_AT_ONCE: Final = 16
"""Readers who look together: pages of 50 come to 800 ids, which are one call."""

Value = TypeVar("Value")


class LookedUp(Generic[Value]):
    """Reads values by id; what `look` does not give is `absent`."""

    def __init__(
        self,
        kept: HeardValues[Value],
        look: Callable[[Sequence[int]], Awaitable[Mapping[int, Value]]],
        absent: Value,
    ) -> None:
        self._kept = kept
        self._look = look
        self._absent = absent
        self._looks = Gathering(self._look_for_all, most=READERS_AT_ONCE)

    def kept(self, ids: Sequence[int]) -> list[Value] | None:
        """The value of each id, where all are here."""
        kept = self._kept.get_many(ids)
        return None if None in kept else kept  # type: ignore[return-value]

    async def get_many(self, ids: Sequence[int]) -> list[Value]:
        """The value of each id; raises what `look` does."""
        kept = self._kept.get_many(ids)
        missing = [one for one, value in zip(ids, kept, strict=True) if value is None]
        found = await self._looks.get(missing) if missing else {}
        return [
            found.get(one, self._absent) if value is None else value
            for one, value in zip(ids, kept, strict=True)
        ]

    async def _look_for_all(self, wanted: Sequence[Sequence[int]]) -> list[Mapping[int, Value]]:
        changes = self._kept.changes
        found = await self._look(list(dict.fromkeys(chain(*wanted))))
        self._kept.put_many(found, changes)
        return [found] * len(wanted)
