"""One connection of an edge that speaks HTTP/1.1: requests in, answers out, in their order.

What arrives too slowly, or is too large, or is not HTTP, ends the connection; a client that goes
away ends what is done for it.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httptools

from services.platform.rpc.http_call import Metadata
from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES

__all__ = ["HEALTH_PATH", "HttpConnection", "Reply", "Request", "Site"]

HEALTH_PATH: Final = b"/healthz"

MAX_HEAD_BYTES: Final = 32 * 1024
"""Of a request: 16 KiB are what the edge takes, and it adds its own."""
MAX_BODY_BYTES: Final = MAX_REQUEST_BYTES
"""What the edge takes."""
MAX_WAITING: Final = 16
"""Requests that were sent ahead on one connection; with so many, no more is read."""
REQUEST_S: Final = 15.0
"""For a request to be whole, as the edge has it for its clients."""
IDLE_S: Final = 60.0
"""Longer than the edge keeps an idle connection, so that none is closed as a request comes."""

MAX_AGE_S: Final = 3_600.0
"""As connections of gRPC: whoever may no longer connect is gone within the hour."""
LEAST_LOOK_S: Final = 1.0
"""Between looks at whether a connection is silent for too long."""
_BAD_REQUEST, _TOO_LARGE, _HEAD_TOO_LARGE = 400, 413, 431
_HEAD: Final = b"HEAD"
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, with headers by their names in lower case."""

    method: bytes
    target: bytes
    headers: Metadata
    peername: tuple[str, int]
    keeps_alive: bool
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the length of its body is said by itself."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


@dataclass(slots=True)
class Site:
    """What the connections of one listener share."""

    answer: Callable[[Request], Awaitable[Reply]]
    admits: Callable[[asyncio.BaseTransport], bool] = lambda _: True
    """Whether this is a connection to be served."""
    connections: set["HttpConnection"] = field(default_factory=set)
    draining: bool = False

    async def reply(self, request: Request) -> Reply:
        """Answer a request, that for the health too: it is bad from when this is to end."""
        if request.target == HEALTH_PATH:
            return _LEAVING if self.draining else _HEALTHY
        return await self.answer(request)


_HEALTHY: Final = Reply(200, headers=())
_LEAVING: Final = Reply(503, headers=())
"""An edge goes by one such answer, and needs no second (Envoy's health check over HTTP)."""


class HttpConnection(asyncio.Protocol):
    """Serves one connection."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._is_reading = self._is_too_large = False
        self._peername = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or hang up on a peer that may not have it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a listener gives
        if self._site.draining or not self._site.admits(transport):
            transport.abort()
            return
        self._transport = transport
        self._peername = tuple(transport.get_extra_info("peername")[:2])
        self._parser = httptools.HttpRequestParser(self)
        self._begun = self._since = self._loop.time()
        self._looking = self._loop.call_later(REQUEST_S, self._look)
        self._site.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """End what is being done for a client that is gone."""
        if self._transport is None:
            return
        self._transport = None
        self._looking.cancel()
        self._site.connections.discard(self)
        self._waiting.clear()
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._transport is None:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._hang_up(_BAD_REQUEST)
            return
        if self._is_too_large:
            self._hang_up(_TOO_LARGE)
        elif self._is_reading:
            self._size += len(data)
            if self._in_head and self._size > MAX_HEAD_BYTES:
                self._hang_up(_HEAD_TOO_LARGE)
            elif self._size > MAX_HEAD_BYTES + MAX_BODY_BYTES:
                self._hang_up(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request; what follows is its parts, as the parser finds them."""
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._size = self._body_bytes = 0
        self._in_head = self._is_reading = True
        self._since = self._loop.time()

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. What comes behind a body is none: the edge sends nothing there."""
        if self._in_head:
            self._headers.append((name.decode("latin-1").lower(), _text(value)))

    def on_headers_complete(self) -> None:
        """Go on to the body, if there is one."""
        self._in_head = False

    def on_body(self, part: bytes) -> None:
        """Take a part of the body, of what may be one."""
        self._body_bytes += len(part)
        if self._body_bytes > MAX_BODY_BYTES:
            self._is_too_large = True
        else:
            self._body.append(part)

    def on_message_complete(self) -> None:
        """Answer the request, after those before it; none any more after one that was too large."""
        if self._is_too_large:
            return
        self._is_reading = False
        parser = self._parser
        self._waiting.append(
            Request(
                parser.get_method(),
                self._target,
                self._headers,
                self._peername,
                parser.should_keep_alive(),
                b"".join(self._body),
            )
        )
        self._begin()
        if len(self._waiting) == MAX_WAITING and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Take no more requests from a peer that does not read the answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take requests again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def drain(self) -> None:
        """Close once what is under way is answered: now, if nothing is."""
        if self._answering is None and self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Close now, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        """Begin with the next request, if nothing is under way and one waits."""
        if self._answering is None and self._waiting:
            # Nothing that is noted of one call may be there in the next.
            answer, context = self._answer(self._waiting.popleft()), self._context.copy()
            self._answering = self._loop.create_task(answer, context=context)

    async def _answer(self, request: Request) -> None:
        try:
            reply = await self._site.reply(request)
        except BaseException:
            self.cut()
            raise
        self._answering = None
        self._since = self._loop.time()
        if self._transport is None:
            return
        closes = not request.keeps_alive or self._site.draining or self._is_old()
        self._transport.write(_written(reply, closes=closes, bare=request.method == _HEAD))
        if closes:
            self._transport.close()
            return
        self._begin()
        if len(self._waiting) == MAX_WAITING - 1:
            self._transport.resume_reading()

    def _is_old(self) -> bool:
        return self._loop.time() - self._begun > MAX_AGE_S

    def _look(self) -> None:
        """Close what has been silent for too long; a request under way has its own deadline."""
        if self._transport is None:
            return
        allowed_s = REQUEST_S if self._is_reading else IDLE_S
        left_s = self._since + allowed_s - self._loop.time()
        if left_s <= 0 and self._answering is None:
            self._transport.abort()
            return
        self._looking = self._loop.call_later(max(left_s, LEAST_LOOK_S), self._look)

    def _hang_up(self, status: int) -> None:
        if self._transport is not None:
            if self._answering is None:
                self._transport.write(_written(Reply(status, headers=()), closes=True))
            self._transport.close()


def _text(value: bytes) -> str:
    """Decode a header's value as gRPC does: what is not UTF-8 is taken byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _written(reply: Reply, *, closes: bool, bare: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    lines.append(f"content-length: {len(reply.body)}")
    if closes:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if bare else head + reply.body
