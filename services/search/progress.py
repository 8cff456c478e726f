"""How far an index is that is being built: in a metric, and every few seconds in the log."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from services.platform.observability.log_events import (
    EVENT_SEARCH_INCOMPLETE,
    EVENT_SEARCH_REBUILD_GOES_ON,
)
from services.platform.observability.names import METRIC_SEARCH_REBUILT, SCOPE

__all__ = ["FIRST_BUILD_S", "BuildProgress", "first_build"]

FIRST_BUILD_S: Final = 60.0
"""Longest that a process waits for its first index before it takes calls: half of what whoever
starts it waits for it to listen."""
LOG_EVERY_S: Final = 5.0
WHOLE: Final = 100

_log = structlog.get_logger()


class BuildProgress:
    """A `Progress`."""

    def __init__(
        self,
        replica: str,
        *,
        now_s: Callable[[], float] = time.monotonic,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._replica = replica
        self._now_s = now_s
        self._percent = WHOLE
        self._logged_s = now_s()
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_gauge(METRIC_SEARCH_REBUILT, [self._observe])

    def rebuilt(self, percent: int) -> None:
        """Note it, and log it now and then."""
        self._percent = percent
        now_s = self._now_s()
        if percent < WHOLE and now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            _log.info(EVENT_SEARCH_REBUILD_GOES_ON, replica=self._replica, percent=percent)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._percent / WHOLE)]


async def first_build(replica: str, complete: asyncio.Event, within_s: float) -> None:
    """Wait until an index has been built once; past `within_s` log that it does without."""
    try:
        async with asyncio.timeout(within_s):
            await complete.wait()
    except TimeoutError:
        _log.warning(EVENT_SEARCH_INCOMPLETE, replica=replica, waited_s=within_s)
