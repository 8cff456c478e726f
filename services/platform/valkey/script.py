"""Lua scripts, on one node and on a cluster."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from operator import itemgetter
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.line import Changed
from services.platform.valkey.lines import Call, Lines, Watched
from services.platform.valkey.round_trips import CACHE, RoundTrips
from services.platform.valkey.tracing import valkey_span

__all__ = ["Page", "Script"]

Page = tuple[Sequence[bytes], Sequence[bytes | int]]
"""Keys and arguments of one run."""

Send = Callable[[Sequence[Call]], Awaitable[list[Any]]]


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
        self._lines: Lines = client.lines
        self._source = source
        # The protocol names scripts by SHA-1; nothing rests on its strength.
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, keys: Sequence[bytes], *args: bytes | int) -> Any:  # noqa: ANN401 - the script decides
        """Run once; on a cluster all keys must be of one slot."""
        try:
            try:
                return await self._call("EVALSHA", self._sha, keys, args)
            except NoScriptError:
                return await self._call("EVAL", self._source, keys, args)
        except Exception:
            # Entered only here: it costs, and calls nearly always succeed.
            with self._errors():
                raise

    async def run_pages(self, pages: Sequence[Page]) -> list[Any]:
        """Run once for each page, in one round trip; on a cluster its keys must be of one slot.

        Gives the results in the order of the pages. A page may run although another failed, and
        twice, so the script must be safe to repeat.
        """
        with self._errors():
            return _none_failed(await self._run_all(pages, self._lines.call_many, _itself))

    async def run_watched(self, pages: Sequence[Page], changed: Changed) -> list[Watched]:
        """Do as `run_pages`, and have the first change of what a page read reported to `changed`.

        Gives also the line of each page that reports, or None: nobody will.
        """
        with self._errors():
            send = partial(self._lines.call_watched, changed=changed)
            results = await self._run_all(pages, send, itemgetter(0))
            _none_failed([answer for answer, _ in results])
            return results

    def pages(self, keys: Sequence[bytes], most: int) -> list[Sequence[bytes]]:
        """Cut keys into those that one run may take: `by_slot`, and no more than `most`."""
        return [
            own[at : at + most] for own in self.by_slot(keys) for at in range(0, len(own), most)
        ]

    def by_slot(self, keys: Sequence[bytes]) -> list[Sequence[bytes]]:
        """Group keys that a script may change together: all on one node, on a cluster by slot."""
        if not isinstance(self._client, RedisCluster):
            return [keys]
        groups: dict[int, list[bytes]] = {}
        for key in keys:
            groups.setdefault(self._client.keyslot(key), []).append(key)
        return list(groups.values())

    async def _call(
        self, command: str, script: str, keys: Sequence[bytes], args: Sequence[bytes | int]
    ) -> Any:  # noqa: ANN401 - the script decides
        # All keys are of one slot, so any of them says which node is asked.
        key = keys[0] if keys else b""
        began_s = time.perf_counter()
        try:
            with valkey_span(command):
                result = await self._lines.call(key, (command, script, len(keys), *keys, *args))
        except ResponseError:
            self._trips.ended(began_s)
            raise
        except BaseException:
            self._trips.ended(began_s, failed=True)
            raise
        self._trips.ended(began_s)
        return result

    async def _run_all(
        self, pages: Sequence[Page], send: Send, answer_of: Callable[[Any], Any]
    ) -> list[Any]:
        results = await self._pipelined("EVALSHA", self._sha, pages, send)
        unknown = [
            place
            for place, each in enumerate(results)
            if isinstance(answer_of(each), NoScriptError)
        ]
        if unknown:
            again = [pages[place] for place in unknown]
            texts = await self._pipelined("EVAL", self._source, again, send)
            for place, result in zip(unknown, texts, strict=True):
                results[place] = result
        return results

    async def _pipelined(
        self, command: str, script: str, pages: Sequence[Page], send: Send
    ) -> list[Any]:
        calls = [
            (keys[0] if keys else b"", (command, script, len(keys), *keys, *args))
            for keys, args in pages
        ]
        with valkey_span(command, len(pages)), self._trips.timed():
            return await send(calls)


def _itself(answer: Any) -> Any:  # noqa: ANN401 - the script decides
    return answer


def _none_failed(results: list[Any]) -> list[Any]:
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
