"""The bus of a process: opened once, its topology declared in the background."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import structlog

from services.platform.bus.port import BusDriver
from services.platform.bus.tracing import PUBSUB, VALKEY
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.config.settings import Settings
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_BUS_DECLARE_FAILED
from services.platform.runtime.background import Finished
from services.platform.runtime.loops import Loops
from services.platform.specs import all_subscriptions
from services.platform.valkey.breaker import CALL_TIMEOUT_S
from services.platform.valkey.connection import open_valkey
from services.platform.valkey.round_trips import BUS
from services.platform.valkey.server_metrics import POLL_S, ServerMetrics

__all__ = ["Bus"]

DECLARE_POLL_S: Final = 1.0
"""Between tries to declare the topology on a bus that is gone."""

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
