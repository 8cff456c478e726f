"""A listener behind mTLS for HTTP: the edge calls it, and nobody else."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from services.platform.security.listener_tls import is_edge

__all__ = ["EdgeOnly"]


class EdgeOnly(H11Protocol):
    """HTTP/1.1 for a peer whose certificate names it the edge; any other is hung up on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or end it if the edge is not at its other end."""
        if not is_edge(transport):
            transport.abort()
            return
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read on; what was on its way from one that was hung up on is dropped."""
        if self.transport is not None:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after a connection that was taken."""
        if self.transport is not None:
            super().connection_lost(exc)
