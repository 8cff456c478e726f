"""The issuer's HTTP listener behind mTLS: the edge calls it, and nobody else."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.identity.spec import SPEC
from services.platform.observability.log_events import EVENT_TLS_RELOAD_FAILED
from services.platform.security.identities import EDGE, spiffe_id
from services.platform.security.tls import TlsFiles

__all__ = ["EdgeOnly", "ListenerTls"]

_log = structlog.get_logger()


class ListenerTls:
    """A server's TLS context of the files that `files` follows, from the next handshake on."""

    def __init__(self, folder: Path, files: TlsFiles) -> None:
        self._folder = folder
        self._files = files
        self.context = _Replaceable(ssl.PROTOCOL_TLS_SERVER)
        self._load()

    async def look_again(self) -> None:
        """Do what `refresh` does, as the step of a loop; to be done as often as `files` looks."""
        self.refresh()

    def refresh(self) -> None:
        """Take what `files` has read since."""
        if self._files.current is not self._seen:
            try:
                self._load()
            except (OSError, ssl.SSLError) as error:
                # Between the files of a renewal; the next look finds them whole.
                _log.warning(EVENT_TLS_RELOAD_FAILED, error=str(error))

    def _load(self) -> None:
        current = self._files.current
        # A new one each time: a context forgets no authority that it has trusted.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=current.trusted.decode("ascii"))
        own = self._folder / SPEC.name
        context.load_cert_chain(own.with_suffix(".pem"), own.with_suffix(".key"))
        self.context.current = context
        self._seen = current


class _Replaceable(ssl.SSLContext):
    """Stands where asyncio wants a context for good, and hands each handshake to the current one.

    By itself it has no certificate, so a handshake that went past it would fail.
    """

    current: ssl.SSLContext

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401
        return self.current.wrap_bio(*arguments, **options)


class EdgeOnly(H11Protocol):
    """HTTP/1.1 for a peer whose certificate names it the edge; any other is hung up on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or end it if the edge is not at its other end."""
        certificate = transport.get_extra_info("peercert") or {}
        names = certificate.get("subjectAltName", ())
        if ("URI", spiffe_id(EDGE)) not in names:
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
