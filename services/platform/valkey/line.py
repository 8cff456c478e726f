"""One connection to Valkey that many callers share: commands go out as they come.

Answers come in the order of the commands, so a caller needs neither a connection nor a task of its
own, and all who ask in one turn of the event loop travel together: 15 us of CPU a command, where a
connection taken from a pool costs 140.

The order holds for what a node reports unasked, too: whatever was changed before a command was
carried out is reported before that command is answered.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as NoAnswerError

__all__ = ["Changed", "Command", "Line", "open_line"]

Command = tuple[bytes | int | str, ...]

Changed = Callable[[Sequence[bytes] | None], None]
"""Is told which keys were changed that it had watched, or None: any of them may have been."""

# Reports need the newer protocol; what scripts answer is the same in both.
_WATCH: Final[tuple[Command, ...]] = (("HELLO", 3), ("CLIENT", "TRACKING", "ON", "OPTIN"))
_WATCH_NEXT: Final = hiredis.pack_command(("CLIENT", "CACHING", "YES"))  # type: ignore[arg-type]
_INVALIDATE: Final = b"invalidate"

_NOT_YET: Final = object()
_LOST: Final = "the connection was lost before the answer came"


async def open_line(connection: AbstractConnection, timeout_s: float) -> "Line":
    """Connect, log in and choose the database as the client library does, then take it over.

    Raises what the library raises. `timeout_s` is what the line waits for an answer.
    """
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    # The library has no name for this: without them it neither reads nor closes the connection.
    writer = connection._writer  # noqa: SLF001
    connection._reader = connection._writer = None  # noqa: SLF001
    if writer is None:
        raise NoConnectionError(_LOST)
    line = Line(writer, timeout_s)
    writer.transport.set_protocol(line)
    return line


class Line(asyncio.Protocol):
    """An open connection; once it is lost, or no answer came in time, it is of no more use."""

    def __init__(self, writer: asyncio.StreamWriter, timeout_s: float) -> None:
        # Kept, as a writer that nobody has closes the connection.
        self._writer = writer
        self._transport = writer.transport
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=BaseParser.parse_error,
            notEnoughData=_NOT_YET,
        )
        self._unsent: list[bytes] = []
        self._unanswered: deque[tuple[asyncio.Future[Any] | None, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._changed: dict[Changed, None] = {}
        self._watching: asyncio.Future[list[Any]] | None = None
        self.is_watched = True
        """Whether the node took each `send_watched` so far as such; else changes may go unreported.
        """
        self.is_open = True
        """Whether commands can be sent."""
        self.heard_s = -math.inf
        """When the command was sent whose answer came last, by `time.monotonic()`: what was changed
        before then was reported. Refusals do not count, as a node that has lost its slots refuses.
        """

    async def watch(self, changed: Changed) -> bool:
        """Have changes of what `send_watched` reads reported; False if the node cannot do that.

        Raises what the library raises where no answer comes.
        """
        self._changed[changed] = None
        if self._watching is None:
            asked = (self.send(command) for command in _WATCH)
            self._watching = asyncio.gather(*asked, return_exceptions=True)
        answers = await asyncio.shield(self._watching)
        for answer in answers:
            if isinstance(answer, (NoConnectionError, NoAnswerError)):
                raise answer
        return self.is_watched and not any(isinstance(answer, Exception) for answer in answers)

    def send_watched(self, command: Command) -> asyncio.Future[Any]:
        """Send a command, after `watch`; the first change of what it reads is reported.

        The report may come before whoever waits for the answer is woken. Who has the answer looks
        at `is_watched`, as a node may refuse to watch and yet carry out the command.
        """
        self._queue(_WATCH_NEXT, None)
        return self.send(command)

    def send(self, command: Command) -> asyncio.Future[Any]:
        """Send one command and give its answer to come.

        That raises what the node refuses it with; `ConnectionError` where the line is lost before,
        and `TimeoutError` where it hangs, both of the client library: then nobody knows whether the
        command was carried out.
        """
        packed = hiredis.pack_command(command)  # type: ignore[arg-type] # a tuple of any length
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._queue(packed, answer)
        return answer

    async def aclose(self) -> None:
        """Close the connection; whoever waits for an answer gets none."""
        self._end(NoConnectionError(_LOST))
        await self._lost

    def data_received(self, data: bytes) -> None:
        """Give answers to those who wait, in the order in which they asked."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOT_YET:
                if type(reply) is hiredis.PushNotification:
                    self._reported(reply)
                    continue
                answer, sent_s = self._unanswered.popleft()
                refused = isinstance(reply, Exception)
                if answer is None:
                    self.is_watched = self.is_watched and not refused
                    continue
                if not refused:
                    self.heard_s = sent_s
                if answer.done():
                    continue  # the caller gave up
                if refused:
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
        except (InvalidResponse, IndexError):
            # Not what was asked for, from here on: nothing that follows can be told apart.
            self._end(NoConnectionError("an answer that nobody asked for, or that is none"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait."""
        self._end(NoConnectionError(str(exc or _LOST)))
        self._lost.set_result(None)

    def _queue(self, packed: bytes, answer: asyncio.Future[Any] | None) -> None:
        if not self.is_open:
            if answer is not None:
                answer.set_exception(NoConnectionError(_LOST))
            return
        self._unanswered.append((answer, time.monotonic()))
        self._unsent.append(packed)
        if len(self._unsent) == 1:
            # At the end of this turn of the loop, with all that others ask for in it.
            self._loop.call_soon(self._flush)
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_s, self._check_age)

    def _reported(self, report: Sequence[Any]) -> None:
        if report[0] == _INVALIDATE:
            for changed in self._changed:
                changed(report[1])

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self.is_open:
            self._transport.write(b"".join(unsent))

    def _check_age(self) -> None:
        """Give the line up when its oldest command has waited for too long."""
        self._timer = None
        if not self._unanswered:
            return
        left_s = self._unanswered[0][1] + self._timeout_s - time.monotonic()
        if left_s <= 0:
            self._end(NoAnswerError("no answer in time"))
        else:
            self._timer = self._loop.call_later(left_s, self._check_age)

    def _end(self, error: Exception) -> None:
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()
        unanswered, self._unanswered = self._unanswered, deque()
        for answer, _ in unanswered:
            if answer is not None and not answer.done():
                answer.set_exception(error)
