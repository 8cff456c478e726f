"""Sources that an answer can do without: asked with little patience, and spared after a failure."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc.aio
import structlog
from opentelemetry import metrics

from services.platform.errors import AviaryError
from services.platform.observability.log_events import EVENT_DRAWING_UNAVAILABLE
from services.platform.observability.names import METRIC_DRAWING_ABSENT, SCOPE
from services.platform.runtime.deadlines import allowed_s

__all__ = ["PATIENCE_S", "Spared"]

PATIENCE_S: Final = 0.5
"""For what such a source is asked, in seconds: longer than anything takes that goes well."""
DEADLINE_SHARE: Final = 0.5
"""Of what the request's deadline leaves: the other half is for the page without it."""
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
        """Give what the call gives; None, and it is counted, where that is not to be had in time.

        Time is `PATIENCE_S`, or less in a request that has little left. That such a one got nothing
        says nothing of the source: it is not spared, or whoever is in a hurry would have all others
        go without.
        """
        if self._now_s() < self._rests_until_s:
            self._absent.add(1, {"part": self._name})
            return None
        patience_s = allowed_s(PATIENCE_S, DEADLINE_SHARE)
        try:
            async with asyncio.timeout(patience_s):
                return await call()
        except (AviaryError, grpc.aio.AioRpcError, TimeoutError) as error:
            # Whatever it is, no answer fails for it. A process of an earlier release does not know
            # the call, or lets nobody make it.
            self._absent.add(1, {"part": self._name})
            if patience_s >= PATIENCE_S:
                self._rests_until_s = self._now_s() + REST_S
                _log.warning(EVENT_DRAWING_UNAVAILABLE, part=self._name, error=_said(error))
            return None


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
