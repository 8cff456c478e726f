"""Listens for an edge that speaks JSON over HTTP/1.1: the same calls as by gRPC, at less cost."""

import asyncio
import math
import socket
from dataclasses import dataclass
from typing import Final

from services.platform.rpc.http_connection import HttpConnection, Site
from services.platform.runtime.ending import LEAVE_S
from services.platform.security.listener_tls import ListenerTls, is_edge

__all__ = ["HttpAt", "HttpListener"]

BACKLOG: Final = 128
HANDSHAKE_S: Final = 15.0
"""As long as a request may take to arrive."""
POLL_S: Final = 0.05
"""Between looks whether the last connection has ended."""


@dataclass(frozen=True, slots=True)
class HttpAt:
    """Where a server answers the edge over HTTP/1.1 besides, and behind which certificates."""

    address: str
    """`host:port`; port 0 takes a free one."""
    tls: ListenerTls | None = None


class HttpListener:
    """Listens on `address` (host:port; port 0 takes a free one) from `start` to `stop`.

    With certificates it serves the edge alone: who dials without the edge's is hung up on.
    """

    def __init__(self, address: str, site: Site, tls: ListenerTls | None = None) -> None:
        self.address = address
        self._host, _, port = address.rpartition(":")
        self._wanted = int(port)
        self._site = site
        self._tls = tls
        if tls is not None:
            site.admits = is_edge
        self._server: asyncio.Server | None = None
        self.port = 0
        """The bound port; 0 before `start`."""

    async def start(self) -> None:
        """Bind and accept; raises `OSError` if the address is taken."""
        listening = socket.create_server((self._host, self._wanted), backlog=BACKLOG)
        self.port = listening.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._site),
            sock=listening,
            ssl=None if self._tls is None else self._tls.context,
            ssl_handshake_timeout=None if self._tls is None else HANDSHAKE_S,
        )

    async def stop(self, grace_s: float) -> None:
        """Refuse new connections, let what is under way end, and cut it at `grace_s`.

        Each connection takes one more request at the most; silent ones are left to the edge to
        close, for a while.
        """
        if self._server is None:
            return
        self._server.close()
        self._site.draining = True
        try:
            async with asyncio.timeout(grace_s):
                await self._ended(LEAVE_S)
                for connection in tuple(self._site.connections):
                    connection.drain()
                await self._ended()
        except TimeoutError:
            self.cut()

    async def _ended(self, within_s: float = math.inf) -> None:
        """Wait until no connection is left, or for as long."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within_s
        while self._site.connections and loop.time() < ends:  # noqa: ASYNC110 - they end one by one
            await asyncio.sleep(POLL_S)

    def cut(self) -> None:
        """End what a `stop` under way waits for."""
        for connection in tuple(self._site.connections):
            connection.cut()
