"""What all Valkey adapters share: the client type, its errors, and Lua scripts on a cluster."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from services.errors import UnavailableError

__all__ = ["Script", "ValkeyClient", "valkey_errors"]

ValkeyClient = Redis | RedisCluster
"""A client made with `decode_responses=False`: ids and blobs are bytes."""


@contextmanager
def valkey_errors() -> Iterator[None]:
    """Turn the client library's errors into `UnavailableError`."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        raise UnavailableError("the hot store cannot answer now") from error


class Script:
    """A Lua script, sent by its hash; a node that does not know it gets the text.

    Nodes forget scripts when they restart and new nodes never knew them, so every call copes.
    """

    def __init__(self, client: ValkeyClient, source: str) -> None:
        self._client = client
        self._source = source
        # The protocol names scripts by SHA-1; nothing rests on its strength.
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, keys: Sequence[bytes], *args: bytes | int) -> Any:  # noqa: ANN401 - the script decides
        """Run once; on a cluster all keys must be of one slot."""
        with valkey_errors():
            try:
                return await self._client.execute_command(
                    "EVALSHA", self._sha, len(keys), *keys, *args
                )
            except NoScriptError:
                return await self._client.execute_command(
                    "EVAL", self._source, len(keys), *keys, *args
                )

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
        with valkey_errors():
            pages = list(groups.values())
            results = await self._pipelined(self._client, "EVALSHA", self._sha, pages, args)
            unknown = [
                page
                for page, result in zip(pages, results, strict=True)
                if isinstance(result, NoScriptError)
            ]
            done = [result for result in results if not isinstance(result, NoScriptError)]
            if unknown:
                done += await self._pipelined(self._client, "EVAL", self._source, unknown, args)
            for result in done:
                if isinstance(result, Exception):
                    raise result
            return done

    @staticmethod
    async def _pipelined(
        cluster: RedisCluster,
        command: str,
        script: str,
        pages: list[list[bytes]],
        args: tuple[bytes | int, ...],
    ) -> list[Any]:
        pipeline = cluster.pipeline(transaction=False)
        for page in pages:
            pipeline.execute_command(command, script, len(page), *page, *args)
        return await pipeline.execute(raise_on_error=False)
