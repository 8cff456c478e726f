"""Serves an application by ASGI over HTTP/1.1, within a process that has other work."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from services.platform.http.edge_only import EdgeOnly
from services.platform.runtime.ending import GRACE_S
from services.platform.security.listener_tls import ListenerTls

__all__ = ["Listener"]

KEEP_ALIVE_S: Final = 60
"""Longer than the edge keeps an idle connection, so that none is closed as a request comes."""
BACKLOG: Final = 128
DATED_EVERY_S: Final = 1.0
"""Answers carry the date, to the second."""


class Listener:
    """Listens on `address` (host:port; port 0 takes a free one) from `start` to `stop`."""

    def __init__(self, address: str, application: ASGIApp, tls: ListenerTls | None = None) -> None:
        self._host, _, port = address.rpartition(":")
        self._wanted = int(port)
        self._server = _Embedded(
            uvicorn.Config(
                application,
                http="h11" if tls is None else EdgeOnly,
                log_config=None,
                # The edge logs each request; and a query may hold what must not be in a log.
                access_log=False,
                lifespan="off",
                server_header=False,
                # Only the edge calls, and what it says of the client is not used.
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        if tls is not None:
            # uvicorn would read files once, at its start.
            self._server.config.load()
            self._server.config.ssl = tls.context
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self) -> None:
        """Bind and accept; raises `OSError` if the address is taken."""
        listening = socket.create_server((self._host, self._wanted), backlog=BACKLOG)
        self.port = listening.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve([listening]), name="http-listener")

    def holds(self) -> bool:
        """Whether it serves, as long as nobody has stopped it."""
        return self._server.should_exit or (self._serving is not None and not self._serving.done())

    async def stop(self) -> None:
        """Refuse new requests, let those in hand end."""
        self._server.end()
        if self._serving is not None:
            await self._serving


class _Embedded(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        # As uvicorn's, which looks ten times a second whether it is to end, asked or not. In the
        # turn of this number it dates answers anew.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATED_EVERY_S):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process has handlers of its own, which stop everything in order.
        yield
