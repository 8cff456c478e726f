"""Lua scripts, on one node and on a cluster."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from services.platform.valkey.coalescer import Coalescer
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.round_trips import CACHE, RoundTrips
from services.platform.valkey.tracing import valkey_span

__all__ = ["Script"]


class Script:
    """A Lua script, sent by its hash; a node that does not know it gets the text.

    Nodes forget scripts when they restart and new nodes never knew them, so every call copes.
    """

    def __init__(
        self,
        client: ValkeyClient,
        source: str,
        errors: Callable[[], AbstractContextManager[None]] = valkey_errors,
        trips: RoundTrips | None = None,
    ) -> None:
        self._client = client
        self._errors = errors
        self._trips = trips or RoundTrips(CACHE)
        self._calls = Coalescer(client, self._trips)
        self._source = source
        # The protocol names scripts by SHA-1; nothing rests on its strength.
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, keys: Sequence[bytes], *args: bytes | int) -> Any:  # noqa: ANN401 - the script decides
        """Run once; on a cluster all keys must be of one slot."""
        with self._errors():
            try:
                return await self._calls.call("EVALSHA", self._sha, len(keys), *keys, *args)
            except NoScriptError:
                return await self._calls.call("EVAL", self._source, len(keys), *keys, *args)

    async def run_each(self, keys: Sequence[bytes], *args: bytes | int) -> list[Any]:
        """Run once for each key, in one round trip; gives the results in the order of the keys."""
        pages = [[key] for key in keys]
        with self._errors():
            results = await self._pipelined("EVALSHA", self._sha, pages, args)
            if any(isinstance(result, NoScriptError) for result in results):
                results = await self._pipelined("EVAL", self._source, pages, args)
            return _none_failed(results)

    async def run_by_slot(self, keys: Sequence[bytes], *args: bytes | int) -> list[Any]:
        """Run over keys of any slots: on one node in one call, on a cluster once for each slot.

        Gives the results of all calls in no stated order. A call may run although another failed,
        so the script must be safe to repeat.
        """
        if not isinstance(self._client, RedisCluster):
            return [await self.run(keys, *args)]
        groups: dict[int, list[bytes]] = {}
        for key in keys:
            groups.setdefault(self._client.keyslot(key), []).append(key)
        with self._errors():
            pages = list(groups.values())
            results = await self._pipelined("EVALSHA", self._sha, pages, args)
            unknown = [
                page
                for page, result in zip(pages, results, strict=True)
                if isinstance(result, NoScriptError)
            ]
            done = [result for result in results if not isinstance(result, NoScriptError)]
            if unknown:
                done += await self._pipelined("EVAL", self._source, unknown, args)
            return _none_failed(done)

    async def _pipelined(
        self,
        command: str,
        script: str,
        pages: list[list[bytes]],
        args: tuple[bytes | int, ...],
    ) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for page in pages:
            pipeline.execute_command(command, script, len(page), *page, *args)
        with valkey_span(command, len(pages)), self._trips.timed():
            return await pipeline.execute(raise_on_error=False)


def _none_failed(results: list[Any]) -> list[Any]:
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
