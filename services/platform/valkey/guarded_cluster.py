"""A client of a cluster, each of whose nodes has a circuit breaker of its own.

While one node hangs, what is asked of it fails at once, after the first call; the others are asked
as ever. A probe goes by the client library, which finds out who has the slots of a node that is
gone for good: so the circuit closes when the node is back, or another in its place.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from services.platform.valkey.breaker import (
    CALL_TIMEOUT_S,
    CircuitBreaker,
    CircuitFigures,
    GuardedValkey,
)
from services.platform.valkey.connection import ValkeyClient, open_valkey
from services.platform.valkey.line import Changed, Command
from services.platform.valkey.lines import ClusterLines, ValkeyCluster, Watched

__all__ = ["GuardedCluster", "open_guarded"]

_NOBODY = ""
"""Whose breaker it is while nobody is known to have a slot."""


def open_guarded(url: str) -> ValkeyClient:
    """Make a client, as `open_valkey` does, whose lines fail at once while a server is gone."""
    return open_valkey(
        url, timeout_s=CALL_TIMEOUT_S, node_client=GuardedValkey, cluster_client=GuardedCluster
    )


class GuardedCluster(ValkeyCluster):
    """A client of a cluster whose lines share a breaker for each node.

    What goes by the client library (invalidations, subscriptions) is bounded in time, and not
    guarded: no read waits for it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*args, **options)
        self.breakers: dict[str, CircuitBreaker] = {}
        """By the node's `host:port`."""
        self.lines = _GuardedLines(self, self._timeout_s, self.breakers)

    async def aclose(self) -> None:
        """End the probing and close the connections."""
        for breaker in self.breakers.values():
            await breaker.aclose()
        await super().aclose()


class _GuardedLines(ClusterLines):
    def __init__(
        self, client: RedisCluster, timeout_s: float, breakers: dict[str, CircuitBreaker]
    ) -> None:
        super().__init__(client, timeout_s)
        self._breakers = breakers
        self._figures = CircuitFigures()

    async def call(self, key: bytes, command: Command) -> Any:  # noqa: ANN401 - as above
        async with self._guarded(key):
            return await super().call(key, command)

    async def _watched(self, key: bytes, command: Command, changed: Changed) -> Watched:
        async with self._guarded(key):
            return await super()._watched(key, command, changed)

    @asynccontextmanager
    async def _guarded(self, key: bytes) -> AsyncIterator[None]:
        name = self._name_of(key)
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = CircuitBreaker(partial(self._probe, key), self._figures)
            self._breakers[name] = breaker
        async with breaker.call():
            yield

    def _name_of(self, key: bytes) -> str:
        client = self._client
        try:
            node = client.nodes_manager.get_node_from_slot(client.keyslot(key))
        except RedisError:
            return _NOBODY
        return str(node.name)

    async def _probe(self, key: bytes) -> None:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await self._client.execute_command("EXISTS", key)
