"""What HTTP listeners need of TLS: a context that follows the process's files, and who has dialled.

gRPC brings both for its own server; listeners of asyncio's take a context for good.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import structlog

from services.platform.observability.log_events import EVENT_TLS_RELOAD_FAILED
from services.platform.security.identities import EDGE, spiffe_id
from services.platform.security.tls import TlsFiles

__all__ = ["ListenerTls", "is_edge"]

_log = structlog.get_logger()


class ListenerTls:
    """A server's TLS context of the files that `files` follows, from the next handshake on."""

    def __init__(self, folder: Path, name: str, files: TlsFiles) -> None:
        """Serve as `name`, whose certificate `files` follows in `folder`."""
        self._own = folder / name
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
        context.load_cert_chain(self._own.with_suffix(".pem"), self._own.with_suffix(".key"))
        self.context.current = context
        self._seen = current


class _Replaceable(ssl.SSLContext):
    """Stands where asyncio wants a context for good, and hands each handshake to the current one.

    By itself it has no certificate, so a handshake that went past it would fail.
    """

    current: ssl.SSLContext

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401
        return self.current.wrap_bio(*arguments, **options)


def is_edge(transport: asyncio.BaseTransport) -> bool:
    """Whether the certificate at the other end of this connection names the edge."""
    certificate = transport.get_extra_info("peercert") or {}
    return ("URI", spiffe_id(EDGE)) in certificate.get("subjectAltName", ())
