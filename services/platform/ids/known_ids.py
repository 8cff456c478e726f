"""Ids that are known to name something, in this process: most callers name the same few again."""

import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

__all__ = ["KNOWN_FOR_MS", "KnownIds", "encode_gone"]

GENERATION_S: Final = 30.0
KNOWN_FOR_MS: Final = int(2 * GENERATION_S * 1_000)
"""The longest that an id is thought to name something after it was asked for, in milliseconds. So
late one may be believed that is gone, where its announcement was lost and nobody noticed."""
GENERATION_IDS: Final = 100_000
"""About 10 MB."""

_ID = struct.Struct(">Q")

Ask = Callable[[Sequence[int]], Awaitable[list[int]]]
"""Gives those of some ids that name nothing."""


def encode_gone(gone_id: int) -> bytes:
    """Encode the announcement that an id names nothing any more, for `KnownIds.hear`."""
    return _ID.pack(gone_id)


class KnownIds:
    """Those that `ask` did not miss, in two generations, the older dropped as a whole.

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
        self._generation_ids = generation_ids
        self._now_s = now_s
        self._open = False
        # What was asked before this changed may be out of date.
        self._heard = 0
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._turn_at_s = now_s() + GENERATION_S

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Those of `ids` that name nothing, in the order given; raises what `ask` does."""
        self._turn()
        unknown = [each for each in ids if each not in self._young and each not in self._old]
        if not unknown:
            return []
        heard = self._heard
        missing = await self._ask(unknown)
        if self._open and heard == self._heard:
            self._young.update(set(unknown).difference(missing))
        return missing

    def open(self) -> None:
        """Begin to keep ids: each that is gone is announced from now on."""
        self._open = True

    def close(self) -> None:
        """Forget all and keep nothing: announcements may be missed."""
        self._open = False
        self._heard += 1
        self._young, self._old = set(), set()

    def hear(self, message: bytes) -> None:
        """Forget an id that is gone. Raises `ValueError` for a message that is none."""
        if len(message) != _ID.size:
            raise ValueError(f"{message!r} is no id")
        self._heard += 1
        gone = set(_ID.unpack(message))
        self._young -= gone
        self._old -= gone

    def _turn(self) -> None:
        now_s = self._now_s()
        if now_s < self._turn_at_s and len(self._young) < self._generation_ids:
            return
        # After a quiet time both generations are past their age.
        self._old = self._young if now_s < self._turn_at_s + GENERATION_S else set()
        self._young = set()
        self._turn_at_s = now_s + GENERATION_S
