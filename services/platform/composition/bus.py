"""The bus of a process: opened once, its topology declared in the background."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import structlog

from services.platform.bus.batch_consumer import BatchConsumer, Batches
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import BusDriver, Subscription
from services.platform.bus.receiving import Receiving
from services.platform.bus.tracing import PUBSUB, VALKEY, traced_batches, traced_handler
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.config.settings import Settings
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_BUS_DECLARE_FAILED
from services.platform.runtime.background import Finished
from services.platform.runtime.loops import Loops
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.specs import all_subscriptions
from services.platform.valkey.breaker import CALL_TIMEOUT_S
from services.platform.valkey.connection import open_valkey
from services.platform.valkey.round_trips import BUS
from services.platform.valkey.server_metrics import POLL_S, ServerMetrics

__all__ = ["Bus", "Handle", "HandleMany"]

DECLARE_POLL_S: Final = 1.0
"""Between tries to declare the topology on a bus that is gone."""

# Outages are no attempts, so eleven are enough to know a poison message from a passing trouble:
# with full jitter about a quarter of a minute. The cap is how late the end of an outage is noticed:
# a tweet that was deleted while the cache hung is shown from it until then (ADR 4).
RETRY = RetryPolicy(max_attempts=11, base_s=0.2, cap_s=4.0)
CONCURRENCY = 16  # deliveries in hand for each subscription

Handle = Callable[[bytes], Awaitable[None]]
"""Handles the body of one message; see `services.platform.bus.consumer.Handler`."""
HandleMany = Callable[[Sequence[bytes]], Awaitable[None]]
"""Handles the bodies of many; see `services.platform.bus.batch_consumer.BatchHandler`."""

_log = structlog.get_logger()


class Bus:
    """Opens the driver when it is first asked for, and closes it when the stack unwinds."""

    def __init__(self, settings: Settings, stack: AsyncExitStack, loops: Loops) -> None:
        self._settings = settings
        self._stack = stack
        self._loops = loops
        self._opened: BusDriver | None = None
        self.declared = asyncio.Event()
        """Set when every subscription is there to be served."""

    @property
    def system(self) -> str:
        """What spans call the engine."""
        return PUBSUB if self._settings.bus == "pubsub" else VALKEY

    @property
    def driver(self) -> BusDriver:
        """The engine, opened once a process."""
        if self._opened is None:
            self._opened = _driver(self._settings)
            self._stack.push_async_callback(self._opened.close)
            self._loops.run("bus-declare", self._declare)
            if self._settings.bus == "valkey":
                self._watch_server()
        return self._opened

    def consumer(
        self,
        subscription: Subscription,
        handle: Handle,
        yield_to: Receiving | None,
        yields: Callable[[], bool],
    ) -> Receiving:
        """Make the consumer of a subscription, message by message; the caller starts it."""
        return Consumer(
            self.driver,
            subscription.name,
            traced_handler(subscription, handle, self.system),
            policy=RETRY,
            concurrency=CONCURRENCY,
            rng=random.Random(),  # noqa: S311 - jitter guards nothing
            yield_to=yield_to,
            yields=yields,
        )

    def batch_consumer(
        self,
        subscription: Subscription,
        handle: HandleMany,
        batches: Batches,
        yield_to: Receiving | None,
        yields: Callable[[], bool],
    ) -> Receiving:
        """Make the consumer of a subscription, batch by batch; the caller starts it."""
        return BatchConsumer(
            self.driver,
            subscription.name,
            traced_batches(subscription, handle, self.system),
            policy=RETRY,
            batches=batches,
            rng=random.Random(),  # noqa: S311 - jitter guards nothing
            yield_to=yield_to,
            yields=yields,
        )

    def _watch_server(self) -> None:
        # By a connection of its own: those of the driver wait for messages.
        client = open_valkey(self._settings.bus_valkey_url, timeout_s=CALL_TIMEOUT_S)
        self._stack.push_async_callback(client.aclose)
        self._loops.run("bus figures", ServerMetrics(client, BUS).look, every_s=POLL_S)

    async def _declare(self) -> float:
        # In the background: a service that starts while the bus is gone still takes writes.
        try:
            await self.driver.declare(all_subscriptions())
        except UnavailableError as error:
            _log.warning(EVENT_BUS_DECLARE_FAILED, error=str(error))
            return DECLARE_POLL_S
        self.declared.set()
        raise Finished


def _driver(settings: Settings) -> BusDriver:
    if settings.bus == "pubsub":
        # Only those who use it pay for the import, and need it installed.
        from services.platform.bus.pubsub import PubSubDriver  # noqa: PLC0415

        return PubSubDriver(
            settings.gcp_project or "",
            all_subscriptions(),
            visibility_s=settings.bus_visibility_s,
            given=settings.schema == "given",
        )
    return ValkeyStreamsDriver(
        settings.bus_valkey_url, all_subscriptions(), visibility_s=settings.bus_visibility_s
    )
