"""The generator: ids from a leased worker number and a clock that may misbehave."""

import asyncio
from collections.abc import Awaitable, Callable

from services.clock import Clock
from services.errors import UnavailableError
from services.id.model import EPOCH_MS, MAX_SEQUENCE, MAX_TIMESTAMP_MS, IdParts, Lease, compose

__all__ = ["MAX_CLOCK_STEP_BACK_MS", "SnowflakeGenerator"]

MAX_CLOCK_STEP_BACK_MS = 10
"""A step back up to this is ridden out (time daemons make such steps); a longer one is refused."""

MAX_WAITS = 100
"""Waits of a millisecond for one id before giving up: far above `MAX_CLOCK_STEP_BACK_MS`, so only
a clock that stands still gets there."""

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
    def lease_expires_ms(self) -> int:
        """No id can be made from this Unix millisecond on; 0 without a lease."""
        return self._lease.expires_at_ms if self._lease else 0

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

        Waits while the millisecond is used up, or while the clock is up to
        `MAX_CLOCK_STEP_BACK_MS` behind; otherwise does not yield to the loop. Raises
        `UnavailableError` without a lease, outside its window, after a longer step back, or when
        the clock stands still.
        """
        for _ in range(MAX_WAITS):
            made = self._try_next()
            if made is not None:
                return made
            await self._sleep(WAIT_S)
        raise UnavailableError("the clock stands still, so no new id can be made")

    def _try_next(self) -> int | None:
        """Make an id, or give None if there is none before the clock moves on."""
        lease = self._lease
        if lease is None:
            raise UnavailableError("no worker number is leased, so no id can be made")
        now_ms = self._clock.now_ms()
        if self._last_ms - now_ms > MAX_CLOCK_STEP_BACK_MS:
            raise UnavailableError(f"the clock went back by {self._last_ms - now_ms} ms")
        ms = max(now_ms, self._last_ms)
        if ms == self._last_ms and self._sequence == MAX_SEQUENCE:
            return None
        if not lease.not_before_ms <= ms < lease.expires_at_ms:
            raise UnavailableError("the lease of the worker number has expired")
        if not EPOCH_MS <= ms <= MAX_TIMESTAMP_MS:
            raise UnavailableError("the clock is outside the range of ids")
        self._sequence = self._sequence + 1 if ms == self._last_ms else 0
        self._last_ms = ms
        return compose(IdParts(ms, lease.worker, self._sequence))
