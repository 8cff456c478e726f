"""Sources that an answer can do without: asked with little patience, and spared after a failure."""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc.aio
import structlog
from opentelemetry import metrics

from services.platform.errors import AviaryError
from services.platform.observability.log_events import EVENT_DRAWING_UNAVAILABLE
from services.platform.observability.names import METRIC_DRAWING_ABSENT, SCOPE

__all__ = ["PATIENCE_S", "Spared"]

PATIENCE_S: Final = 0.5
"""For a call to such a source, in seconds: longer than any takes that goes well."""
REST_S: Final = 1.0
"""After a failure, in seconds, in which the source is not asked: so one read in a second or so
waits for one that hangs."""

Found = TypeVar("Found")

_log = structlog.get_logger()


class Spared:
    """One such source, `name` in logs and metrics: answers are given without it while it fails."""

    def __init__(
        self,
        name: str,
        *,
        now_s: Callable[[], float] = time.monotonic,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._name = name
        self._now_s = now_s
        self._rests_until_s = 0.0
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._absent = meter.create_counter(METRIC_DRAWING_ABSENT, unit="{answer}")
        # From the beginning: rates see nothing in a series that begins.
        self._absent.add(0, {"part": name})

    async def ask(self, call: Callable[[], Awaitable[Found]]) -> Found | None:
        """Give what the call gives; None, and it is counted, where that is not to be had now."""
        if self._now_s() < self._rests_until_s:
            self._absent.add(1, {"part": self._name})
            return None
        try:
            return await call()
        except (AviaryError, grpc.aio.AioRpcError) as error:
            # Whatever it is, no answer fails for it. A process of an earlier release does not know
            # the call, or lets nobody make it.
            self._rests_until_s = self._now_s() + REST_S
            self._absent.add(1, {"part": self._name})
            _log.warning(EVENT_DRAWING_UNAVAILABLE, part=self._name, error=str(error))
            return None
