"""Dropping cells past their retention, in the background, as Bigtable does by itself."""

import random
from collections.abc import Awaitable, Callable

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import (
    EVENT_ROWS_GARBAGE_COLLECTED,
    EVENT_ROWS_GARBAGE_FAILED,
)
from services.platform.runtime.background import Background

__all__ = ["COLLECT_EVERY_S", "GarbageCollection"]

COLLECT_EVERY_S = 3_600.0
"""Mean pause between collections: retention is counted in days, so an hour late is no matter."""

_log = structlog.get_logger()


class GarbageCollection:
    """Calls `collect`, which gives the number of dropped cells, again and again.

    Several processes may share a file and all collect: each drops what the others have not, and the
    jitter keeps them from doing so in step.
    """

    def __init__(
        self,
        collect: Callable[[], Awaitable[int]],
        *,
        every_s: float,
        rng: random.Random,
    ) -> None:
        self._collect = collect
        self._every_s = every_s
        self._rng = rng
        # A collection pauses between its chunks and may take long: only its end is missed.
        self._collecting = Background("sqlite-garbage", self._step, stale_after_s=every_s)

    def start(self) -> None:
        """Begin; the first collection is up to a whole pause away, so that starts stay quick."""
        # Not half of it at the least: a process that never lives for an hour must collect too.
        self._collecting.start(after_s=self._every_s * self._rng.random())

    async def stop(self) -> None:
        """End; what a collection under way has dropped stays dropped."""
        await self._collecting.stop()

    def holds(self) -> bool:
        """Whether it goes on collecting."""
        return self._collecting.holds()

    async def _step(self) -> float:
        try:
            dropped = await self._collect()
        except UnavailableError as error:
            _log.warning(EVENT_ROWS_GARBAGE_FAILED, error=str(error))
        else:
            _log.info(EVENT_ROWS_GARBAGE_COLLECTED, cells=dropped)
        return self._every_s * self._rng.uniform(0.5, 1.5)
