"""What the edges are told was revoked, in Valkey: until it would have expired anyway."""

from collections.abc import Mapping
from typing import Any

from gateway.identity.ports import Revocable
from gateway.limits.keys import is_text, revoked_key
from services.clock import MAX_CLOCK_STEP_MS, Clock
from services.storage.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["MAX_REVOKED", "RevokedStore"]

MAX_REVOKED = 5_000
"""Of a kind, those that last longest: like the callers of bad conduct, a megabyte for each edge.
Beyond it tokens live until they expire, which is a quarter of an hour."""


class RevokedStore:
    """See `gateway.identity.ports.RevokedList`; every method raises UnavailableError."""

    def __init__(self, client: ValkeyClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add names with the time when they can be forgotten; a later one that is known stays."""
        with valkey_errors():
            await self._client.zadd(revoked_key(kind), dict(until_ms), gt=True)

    async def listed(self) -> dict[Revocable, frozenset[str]]:
        """Give what still counts, by kind."""
        return {kind: await self._listed(kind) for kind in Revocable}

    async def _listed(self, kind: Revocable) -> frozenset[str]:
        key, now_ms = revoked_key(kind), self._clock.now_ms()
        with valkey_errors():
            # Not all that has ended: by a clock that is ahead, and will be right again, more has
            # than should.
            await self._client.zremrangebyscore(key, "-inf", now_ms - MAX_CLOCK_STEP_MS)
            # Ranks begin with what ends first.
            await self._client.zremrangebyrank(key, 0, -MAX_REVOKED - 1)
            found: Any = await self._client.zrange(key, f"({now_ms}", "+inf", byscore=True)
        # No token says what is not UTF-8, and an edge takes all of a list, or none.
        return frozenset(name.decode() for name in found if is_text(name))
