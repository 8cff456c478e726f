"""How full a Valkey is, and what it forgets for want of room, as its users report it."""

from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.errors import UnavailableError
from services.platform.observability.names import METRIC_VALKEY_EVICTED, METRIC_VALKEY_MEMORY, SCOPE
from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["POLL_S", "ServerMetrics"]

POLL_S: Final = 10.0
"""Between looks, of one command each."""
KEEPS: Final = "noeviction"
SECTIONS: Final = ("memory", "stats")
"""Of what a server says of itself: the rest is longer, and is read in vain."""


class ServerMetrics:
    """Looks when told to, for exporters that cannot wait."""

    def __init__(
        self,
        client: ValkeyClient,
        store: str,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._client = client
        self._store = store
        # Replaced as a whole: the exporter reads it from a thread of its own.
        self._servers: list[dict[str, Any]] = []
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        meter.create_observable_gauge(METRIC_VALKEY_MEMORY, [self._memory])
        meter.create_observable_counter(METRIC_VALKEY_EVICTED, [self._evicted], unit="{key}")

    async def look(self) -> None:
        """Ask the server, or each of a cluster.

        While it does not answer nothing is reported: what was true then says nothing of now.
        """
        try:
            with valkey_errors():
                info = await self._client.info(*SECTIONS)
        except UnavailableError:
            self._servers = []
            return
        # Of a cluster, a mapping from each node.
        self._servers = [info] if "used_memory" in info else list(info.values())

    def _memory(self, _options: object) -> list[Observation]:
        servers = self._servers
        if not servers:
            return []
        evicts = any(each["maxmemory"] and each["maxmemory_policy"] != KEEPS for each in servers)
        labels = {"store": self._store, "evicts": "yes" if evicts else "no"}
        return [Observation(max(map(_used_share, servers)), labels)]

    def _evicted(self, _options: object) -> list[Observation]:
        keys = [each["evicted_keys"] for each in self._servers]
        return [Observation(sum(keys), {"store": self._store})] if keys else []


def _used_share(server: dict[str, Any]) -> float:
    """Return what is used of what the server may have: of the machine, where nothing bounds it."""
    used, bound = int(server["used_memory"]), int(server["maxmemory"])
    return used / (bound or int(server["total_system_memory"]))
