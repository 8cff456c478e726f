"""How much waits in each queue, and how much was given up, as gauges."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.bus.port import BusDriver, Subscription
from services.platform.observability.names import METRIC_BUS_BACKLOG, METRIC_BUS_DEAD_LETTERS, SCOPE
from services.platform.runtime.background import Background

__all__ = ["QueueDepths"]

POLL_EVERY_S = 5.0
"""As often as a dashboard would want to know; each look is two cheap calls a subscription."""


class QueueDepths:
    """Counts in the background, for an exporter that cannot wait; once a process."""

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
        # Replaced as a whole: the exporter reads it from a thread of its own.
        self._depths: dict[str, int] = {}
        self._dead: dict[str, int] = {}
        self._polling = Background("bus-queue-depths", self._poll, every_s=poll_every_s)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_gauge(
            METRIC_BUS_BACKLOG, [lambda _: _observed(self._depths)], unit="{message}"
        )
        meter.create_observable_gauge(
            METRIC_BUS_DEAD_LETTERS, [lambda _: _observed(self._dead)], unit="{message}"
        )

    async def start(self) -> None:
        """Begin to read."""
        self._polling.start()

    async def stop(self) -> None:
        """Read no more, and report nothing."""
        await self._polling.stop()
        self._depths, self._dead = {}, {}

    def holds(self) -> bool:
        """Whether it goes on reading."""
        return self._polling.holds()

    async def _poll(self) -> None:
        try:
            self._depths = await self._read(self._driver.backlog)
            self._dead = await self._read(self._driver.dead_letters)
        except BaseException:
            # What was true before the outage says nothing of now.
            self._depths, self._dead = {}, {}
            raise

    async def _read(self, count: Callable[[str], Awaitable[int | None]]) -> dict[str, int]:
        # All at once: engines take many calls of one turn of the loop together.
        counts = await asyncio.gather(*map(count, self._names))
        found = zip(self._names, counts, strict=True)
        return {name: each for name, each in found if each is not None}


def _observed(counts: dict[str, int]) -> Iterator[Observation]:
    for name, count in counts.items():
        yield Observation(count, {"subscription": name})
