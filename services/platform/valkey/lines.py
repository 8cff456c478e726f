"""The shared connections of a client: one to its node, or to each node of its cluster.

They are for what is asked with every request. All else goes by the client library, and so does here
what only it knows: where a slot has moved to, or who has taken a dead node's place.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError

from services.platform.valkey.line import Changed, Command, Line, open_line

__all__ = [
    "Call",
    "ClusterLines",
    "Lines",
    "NodeLine",
    "ValkeyCluster",
    "ValkeyNode",
    "Watched",
    "timeout_of",
]

DEFAULT_TIMEOUT_S = 5.0
"""For a client that was made without a time-out."""

_ELSEWHERE = (MovedError, AskError, TryAgainError, ClusterDownError)
"""A node's answers for a slot that it has not, or not all of: the command was not carried out."""


Call = tuple[bytes, Command]
"""A key, and the command that is about it and others of its slot."""

Watched = tuple[Any, Line | None]
"""An answer, and the line on which changes of what it was read from are reported."""


class Lines(Protocol):
    """What sends commands of one key, or of several in one slot."""

    async def call(self, key: bytes, command: Command) -> Any:  # noqa: ANN401 - the command decides
        """Send a command; raises what the client library raises."""
        ...

    async def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """Send commands together; gives their answers in the same order, refusals among them.

        Raises what the client library raises where a node gave no answer at all.
        """
        ...

    async def call_watched(self, calls: Sequence[Call], changed: Changed) -> list[Watched]:
        """Do as `call_many`, and have the first change of what each call read reported.

        Of each answer gives also the line that reports, or None: nobody will.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class NodeLine:
    """The line to one node: opened by whoever needs it first, and anew after it was lost."""

    def __init__(self, connection: Callable[[], AbstractConnection], timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None

    async def call(self, _key: bytes, command: Command) -> Any:  # noqa: ANN401 - as above
        """Send a command; raises what the client library raises."""
        line = self._line
        if line is None or not line.is_open:
            line = await self.opened()
        return await line.send(command)

    async def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """Send commands together; see `Lines`."""
        line = self._line
        if line is None or not line.is_open:
            line = await self.opened()
        answers = [line.send(command) for _, command in calls]
        return _answered(await asyncio.gather(*answers, return_exceptions=True))

    async def call_watched(self, calls: Sequence[Call], changed: Changed) -> list[Watched]:
        """Send commands together; see `Lines`."""
        line = await self.opened()
        if not await line.watch(changed):
            return [(answer, None) for answer in await self.call_many(calls)]
        sent = [line.send_watched(command) for _, command in calls]
        answers = _answered(await asyncio.gather(*sent, return_exceptions=True))
        return [(answer, line if line.is_watched else None) for answer in answers]

    async def opened(self) -> Line:
        """Return the line, open. Raises `ConnectionError` or `TimeoutError` of the library."""
        while self._line is None or not self._line.is_open:
            if self._opening is None:
                # One for all who wait; it outlives who begins it, and that one's deadline.
                self._opening = asyncio.create_task(self._open(), context=Context())
                self._opening.add_done_callback(_noticed)
            opening = self._opening
            await asyncio.wait([opening])
            if opening.cancelled():
                raise NoConnectionError("the client was closed")
            opening.result()
        return self._line

    async def aclose(self) -> None:
        """Close the connection."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.wait([opening])
        if self._line is not None:
            await self._line.aclose()

    async def _open(self) -> Line:
        try:
            async with asyncio.timeout(self._timeout_s):
                self._line = await open_line(self._connection(), self._timeout_s)
                return self._line
        except TimeoutError as error:
            raise NoAnswerError("no connection in time") from error
        finally:
            self._opening = None


class ClusterLines:
    """A line to each node that has keys which are asked for."""

    def __init__(self, client: RedisCluster, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._nodes: dict[str, NodeLine] = {}

    async def call(self, key: bytes, command: Command) -> Any:  # noqa: ANN401 - as above
        """Send a command to the node that has the key; raises what the client library raises."""
        try:
            line = await self._line_for(key)
        except (RedisError, OSError):
            # Nothing was sent yet: the library finds out who has the slot now, or that nobody has.
            return await self._client.execute_command(*command)
        try:
            return await line.send(command)
        except _ELSEWHERE:
            return await self._client.execute_command(*command)

    async def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """Send commands together; see `Lines`."""
        sent = (self.call(key, command) for key, command in calls)
        return _answered(await asyncio.gather(*sent, return_exceptions=True))

    async def call_watched(self, calls: Sequence[Call], changed: Changed) -> list[Watched]:
        """Send commands together; see `Lines`."""
        sent = (self._watched(*call, changed) for call in calls)
        results = _answered(await asyncio.gather(*sent, return_exceptions=True))
        return [each if isinstance(each, tuple) else (each, None) for each in results]

    async def aclose(self) -> None:
        """Close the connections."""
        for node in self._nodes.values():
            await node.aclose()

    async def _watched(self, key: bytes, command: Command, changed: Changed) -> Watched:
        try:
            line = await self._line_for(key)
            watched = await line.watch(changed)
        except (RedisError, OSError):
            watched = False
        if not watched:
            return await self.call(key, command), None
        try:
            answer = await line.send_watched(command)
        except _ELSEWHERE:
            return await self._client.execute_command(*command), None
        return answer, line if line.is_watched else None

    async def _line_for(self, key: bytes) -> Line:
        client = self._client
        await client.initialize()
        node = client.nodes_manager.get_node_from_slot(client.keyslot(key))
        known = self._nodes.get(node.name)
        if known is None:
            known = NodeLine(partial(_connection_to, node), self._timeout_s)
            self._nodes[node.name] = known
        return await known.opened()


class ValkeyNode(Redis):
    """A client of one node, with a line to it for what is asked often."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*args, **options)
        self.lines: Lines = self.own_lines()

    def own_lines(self) -> Lines:
        """Make a line for one user's commands that wait at the server; the caller closes it."""
        pool = self.connection_pool
        return NodeLine(pool.make_connection, timeout_of(pool.connection_kwargs))

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - the client's own signature
        """Close the connections."""
        await self.lines.aclose()
        await super().aclose(close_connection_pool)


class ValkeyCluster(RedisCluster):
    """A client of a cluster, with lines to its nodes for what is asked often."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*args, **options)
        self._timeout_s = timeout_of(options)
        self.lines: Lines = self.own_lines()

    def own_lines(self) -> Lines:
        """Make lines for one user's commands that wait at the server; the caller closes them."""
        return ClusterLines(self, self._timeout_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.lines.aclose()
        await super().aclose()


def _answered(results: list[Any]) -> list[Any]:
    """Return the answers, if each of them is one. Raises what says that there was none."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ResponseError):
            raise result
    return results


def timeout_of(options: Mapping[str, Any]) -> float:
    """Return how long a client with these options waits for an answer, in seconds."""
    return float(options.get("socket_timeout") or DEFAULT_TIMEOUT_S)


def _connection_to(node: ClusterNode) -> AbstractConnection:
    options = {**node.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    connection: AbstractConnection = node.connection_class(**options)
    return connection


def _noticed(opening: asyncio.Task[Line]) -> None:
    """See why it failed, even if all who waited for it have gone."""
    if not opening.cancelled():
        opening.exception()
