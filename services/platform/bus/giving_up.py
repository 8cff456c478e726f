"""Whether a consumer may give messages up: not while most of them fail in its hands.

A message that fails for a reason of its own fails among others that do not. Where most of the last
ones fail, it is more likely their consumer that is wrong: a bad deploy, or settings of it. It would
empty its queue into the dead letters within a minute. So it takes few messages then, gives up no
more than a few, and puts back all others whose last attempt fails, which counts as none: others in
its place, or the same one when it is mended, have that attempt.

Each process judges itself alone: of two, one of which is of a bad release, the other goes on.
"""

import time
from collections.abc import Callable
from typing import Final

from services.platform.bus.port import Message

__all__ = ["HELD_S", "LOOK_EVERY_S", "MOST_AT_A_LOOK", "GivingUp"]

LAST: Final = 100
"""Messages that are looked at, each by how its last attempt ended …"""
WITHIN_S: Final = 60.0
"""… and as far as that is no longer ago: what still fails has been tried again since."""
ENOUGH: Final = 10
"""Fewer that fail are faulty themselves, as far as anybody can say."""
AT_ONCE: Final = 10
"""Given up all the same, so that a few faulty ones do not lie in a queue that is empty else …"""
ONE_MORE_S: Final = 60.0
"""… and one a minute after these."""
LOOK_EVERY_S: Final = 2.0
"""Between two receives while most fail, in seconds: nothing is gained by failing faster."""
MOST_AT_A_LOOK: Final = 10
"""Messages of such a receive."""
HELD_S: Final = 30.0
"""When one comes again that has killed whoever had it, and cannot be given up yet."""


class GivingUp:
    """What one process has seen of one subscription."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last: dict[int, tuple[bool, float]] = {}
        """Whether it failed, and when, by a message's hash; in the order of when."""
        self._failed = 0
        self._tokens: float = AT_ONCE
        self._filled_s = monotonic()

    @property
    def most_fail(self) -> bool:
        """Whether most of the last messages failed; an outage is no failure of theirs."""
        oldest_s = self._monotonic() - WITHIN_S
        while self._last and next(iter(self._last.values()))[1] < oldest_s:
            self._forget(next(iter(self._last)))
        return self._failed >= ENOUGH and 2 * self._failed > len(self._last)

    def ended(self, message: Message, *, failed: bool) -> None:
        """Note how an attempt ended; it takes nothing as long as none has failed."""
        if not failed and not self._failed:
            return
        key = hash(message.data)
        if key in self._last:
            self._forget(key)
        self._last[key] = (failed, self._monotonic())
        self._failed += failed
        if len(self._last) > LAST:
            self._forget(next(iter(self._last)))

    def may(self) -> bool:
        """Whether one that has used up its attempts may be given up now."""
        return not self.most_fail or self.may_one()

    def may_one(self) -> bool:
        """Take one of those that may be given up whatever is wrong; False where none is left."""
        now_s = self._monotonic()
        filled = self._tokens + (now_s - self._filled_s) / ONE_MORE_S
        self._tokens, self._filled_s = min(AT_ONCE, filled), now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _forget(self, key: int) -> None:
        failed, _ = self._last.pop(key)
        self._failed -= failed
