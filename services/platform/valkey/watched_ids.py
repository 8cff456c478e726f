"""Ids that somebody watches, known to all processes for as long as the watcher says so again.

Whoever changes something asks which of what it changed is watched, and announces only that. An id
is watched until a time, so that a watcher that dies leaves nothing behind.
"""

import time
from collections.abc import Collection
from typing import Final

from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["WATCHED_FOR_S", "WatchedIds"]

WATCHED_FOR_S: Final = 45.0
"""From each time that the watcher says so: three times its pace, so that one may be lost."""
_SHARDS: Final = 16
"""Sorted sets of one name, so that the nodes of a cluster share what is asked with every push."""
_MS_PER_S: Final = 1_000


class WatchedIds:
    """The watched ids of one name, on one Valkey node or a cluster."""

    def __init__(self, client: ValkeyClient, name: bytes) -> None:
        self._client = client
        self._name = name

    async def watch(self, ids: Collection[int]) -> None:
        """Watch these from now on, for `WATCHED_FOR_S`; raises `UnavailableError`."""
        if not ids:
            return
        now_ms = _now_ms()
        until_ms = now_ms + int(WATCHED_FOR_S * _MS_PER_S)
        pipeline = self._client.pipeline(transaction=False)
        for key, own in self._by_shard(ids).items():
            pipeline.zremrangebyscore(key, "-inf", now_ms)
            pipeline.zadd(key, dict.fromkeys(map(str, own), until_ms))
            pipeline.pexpire(key, int(WATCHED_FOR_S * _MS_PER_S))
        with valkey_errors():
            await pipeline.execute()

    async def among(self, ids: Collection[int]) -> set[int]:
        """Those of the ids that are watched, in one round trip; raises `UnavailableError`."""
        if not ids:
            return set()
        shards = self._by_shard(ids)
        pipeline = self._client.pipeline(transaction=False)
        for key, own in shards.items():
            pipeline.zmscore(key, [*map(str, own)])
        with valkey_errors():
            answers = await pipeline.execute()
        now_ms = _now_ms()
        return {
            one
            for own, scores in zip(shards.values(), answers, strict=True)
            for one, until_ms in zip(own, scores, strict=True)
            if until_ms is not None and float(until_ms) > now_ms
        }

    def _by_shard(self, ids: Collection[int]) -> dict[bytes, list[int]]:
        shards: dict[bytes, list[int]] = {}
        for one in ids:
            shards.setdefault(b"%b:%d" % (self._name, one % _SHARDS), []).append(one)
        return shards


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
