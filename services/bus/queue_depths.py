"""How much waits in each queue, as a gauge."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import structlog
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from services.bus.port import BusDriver, Subscription
from services.errors import UnavailableError
from services.telemetry import EVENT_BUS_BACKLOG_FAILED, METRIC_BUS_BACKLOG, SCOPE

__all__ = ["QueueDepths"]

POLL_EVERY_S = 5.0
"""As often as a dashboard would want to know; each look is one cheap call a subscription."""

_log = structlog.get_logger()


class QueueDepths:
    """Reads backlogs in the background, for an exporter that cannot wait; once a process."""

    def __init__(
        self,
        driver: BusDriver,
        subscriptions: Sequence[Subscription],
        *,
        poll_every_s: float = POLL_EVERY_S,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._driver = driver
        self._names = [each.name for each in subscriptions]
        self._poll_every_s = poll_every_s
        # Replaced as a whole: the exporter reads it from a thread of its own.
        self._depths: dict[str, int] = {}
        self._polling: asyncio.Task[None] | None = None
        metrics.get_meter(SCOPE, meter_provider=meter_provider).create_observable_gauge(
            METRIC_BUS_BACKLOG, callbacks=[self._observe], unit="{message}"
        )

    def start(self) -> None:
        """Begin to read."""
        self._polling = asyncio.create_task(self._poll(), name="bus-queue-depths")

    async def stop(self) -> None:
        """Read no more, and report nothing."""
        if self._polling is not None:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling
        self._depths = {}

    async def _poll(self) -> None:
        while True:
            try:
                self._depths = await self._read()
            except UnavailableError:
                # What was true before the outage says nothing of now.
                self._depths = {}
                _log.warning(EVENT_BUS_BACKLOG_FAILED)
            await asyncio.sleep(self._poll_every_s)

    async def _read(self) -> dict[str, int]:
        depths = {name: await self._driver.backlog(name) for name in self._names}
        return {name: depth for name, depth in depths.items() if depth is not None}

    def _observe(self, _options: CallbackOptions) -> Iterator[Observation]:
        for name, depth in self._depths.items():
            yield Observation(depth, {"subscription": name})
