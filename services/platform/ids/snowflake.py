"""The generator: ids from a leased worker number and a clock that may misbehave.

When the clock goes back, the time in the ids does not: it goes on from the last one as a logical
clock, which moves when a millisecond's sequence is used up, until the machine's clock has caught up
(hybrid logical clocks: Kulkarni and others, OPODIS 2014).
"""

import asyncio
from collections.abc import Awaitable, Callable

from services.platform.errors import UnavailableError
from services.platform.ids.model import (
    EPOCH_MS,
    LEASE_TERM_MS,
    MAX_SEQUENCE,
    MAX_TIMESTAMP_MS,
    IdParts,
    Lease,
    compose,
)
from services.platform.runtime.clock import MAX_CLOCK_STEP_MS, Clock
from services.platform.runtime.clock_steps import span

__all__ = ["MAX_WAITED_FOR_MS", "SnowflakeGenerator"]

MAX_WAITED_FOR_MS = 10
"""Ids whose millisecond is used up wait for a clock that is this little behind (time daemons make
such steps), so that they stay at its time; else they go on ahead of it."""

MAX_WAITS = 100
"""Waits of a millisecond for one id before giving up: far above `MAX_WAITED_FOR_MS`, so only a
clock that stands still gets there."""

WAIT_S = 0.001


class SnowflakeGenerator:
    """Makes unique, strictly increasing ids while it holds a lease.

    For one event loop: many tasks may call `next_id` at once, threads may not. State changes only
    between awaits, so no lock is needed.
    """

    def __init__(
        self, clock: Clock, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lease: Lease | None = None
        self._last_ms = 0
        self._sequence = MAX_SEQUENCE

    @property
    def last_used_ms(self) -> int:
        """No id was made at a later Unix millisecond than this."""
        return self._last_ms

    @property
    def window_left_ms(self) -> int:
        """Milliseconds in which ids can still be made without a renewal; 0 without a lease."""
        if self._lease is None:
            return 0
        return max(0, self._lease.expires_at_ms - max(self._clock.now_ms(), self._last_ms))

    def is_able(self) -> bool:
        """Whether the next `next_id` can make one, as far as is known without trying."""
        return not self._hindrance(self._clock.now_ms())

    def hold(self, lease: Lease) -> None:
        """Use `lease` from now on: a renewal of the one held, or another."""
        held = self._lease
        self._lease = lease
        if held and (held.worker, held.not_before_ms) == (lease.worker, lease.not_before_ms):
            return
        # Under another worker number the running millisecond would sort by that number, so the
        # next id starts a later one; so does the window, if it lies ahead.
        self._last_ms = max(self._last_ms, lease.not_before_ms - 1)
        self._sequence = MAX_SEQUENCE

    def drop(self) -> None:
        """Make no more ids until the next `hold`."""
        self._lease = None

    async def next_id(self) -> int:
        """Make an id greater than every one made before.

        Waits while the millisecond is used up and the clock less than `MAX_WAITED_FOR_MS` behind;
        otherwise does not yield to the loop. Raises `UnavailableError` without a lease, outside its
        window, while the clock is more than `MAX_CLOCK_STEP_MS` behind, or when it stands still.
        """
        for _ in range(MAX_WAITS):
            made = self._try_next()
            if made is not None:
                return made
            await self._sleep(WAIT_S)
        raise UnavailableError("the clock stands still, so no new id can be made")

    def _try_next(self) -> int | None:
        """Make an id, or give None if there is none before the clock moves on."""
        now_ms = self._clock.now_ms()
        lease, hindrance = self._lease, self._hindrance(now_ms)
        if lease is None or hindrance:
            raise UnavailableError(hindrance)
        ms, sequence = self._next_place(now_ms)
        if sequence == 0 and 0 < ms - now_ms <= MAX_WAITED_FOR_MS:
            return None
        self._last_ms, self._sequence = ms, sequence
        return compose(IdParts(ms, lease.worker, sequence))

    def _next_place(self, now_ms: int) -> tuple[int, int]:
        """(millisecond, sequence) of the next id."""
        if now_ms > self._last_ms:
            return now_ms, 0
        if self._sequence < MAX_SEQUENCE:
            return self._last_ms, self._sequence + 1
        return self._last_ms + 1, 0

    def _hindrance(self, now_ms: int) -> str:
        """Why no id can be made now; empty if one can."""
        lease = self._lease
        if lease is None:
            return "no worker number is leased, so no id can be made"
        # The lease was granted at this time or later, so a clock far behind it is wrong, even where
        # no id was made yet.
        known_ms = max(self._last_ms, lease.expires_at_ms - LEASE_TERM_MS)
        if known_ms - now_ms > MAX_CLOCK_STEP_MS:
            return f"the clock is {span(known_ms - now_ms)} behind the newest ids: set it right"
        ms, _ = self._next_place(now_ms)
        if not lease.not_before_ms <= ms < lease.expires_at_ms:
            return "the lease of the worker number has expired, or the clock is ahead of it"
        if not EPOCH_MS <= ms <= MAX_TIMESTAMP_MS:
            return "the clock is outside the range of ids"
        return ""
