"""A process's certificate, read from files that may be replaced at any time.

The files of a renewal come one by one, so what is read is taken only once it fits together. Servers
use what was read last at their next handshake; channels are opened anew (`renewed_channel`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.platform.files.watched_file import Stamp, stamp
from services.platform.observability.log_events import EVENT_TLS_RELOAD_FAILED, EVENT_TLS_RELOADED
from services.platform.runtime.background import Background
from services.platform.security.identities import server_name

__all__ = ["Credentials", "CredentialsError", "SiblingTls", "TlsFiles"]

_log = structlog.get_logger()

POLL_S = 2.0
"""Between looks at the files: three `stat` calls. Soon enough for a certificate that has days left,
and for people who wait between the steps of a rotation."""


class CredentialsError(Exception):
    """The files are missing, or no certificate to start with; the text names them, never a key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the files held at one moment, all of it PEM."""

    chain: bytes
    key: bytes = field(repr=False)
    trusted: bytes
    """One or more authorities; the other end's certificate must be signed by one of them."""
    serial: int
    expires: datetime

    def for_server(self) -> grpc.ServerCertificateConfiguration:
        """Return them as a server takes them."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], self.trusted)

    def for_client(self) -> grpc.ChannelCredentials:
        """Return them as a channel takes them."""
        return grpc.ssl_channel_credentials(self.trusted, self.key, self.chain)


class TlsFiles:
    """Reads `<folder>/ca.pem`, `<name>.pem` and `<name>.key` now, and again when they change.

    Raises CredentialsError if they are of no use now; later on, the last good ones are kept.
    `report` is given what is in use, now and whenever that changes.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        poll_s: float = POLL_S,
        report: Callable[[Credentials], None] = lambda _: None,
    ) -> None:
        self._paths = [folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key"]
        self._poll_s = poll_s
        self._stamps = self._look()
        self._current = self._read()
        self._report = report
        report(self._current)
        self._unreported: Credentials | None = None
        self._watching = Background("tls-files", self._look_again, every_s=poll_s)

    @property
    def current(self) -> Credentials:
        """What was read last; the same object until the files change."""
        return self._current

    def towards(self, sibling: str) -> "SiblingTls":
        """Return what a channel to the process of this name needs."""
        return SiblingTls(self, sibling)

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return credentials that follow the files, and refuse peers without a certificate."""
        served = self._current

        def fetch() -> Any:  # noqa: ANN401 - gRPC's types do not know of None
            # gRPC asks before each handshake, from a thread of its own; None means no change.
            nonlocal served
            if self._current is served:
                return None
            served = self._current
            return served.for_server()

        return grpc.dynamic_ssl_server_credentials(
            served.for_server(), fetch, require_client_authentication=True
        )

    async def start(self) -> None:
        """Watch the files from now on."""
        self._watching.start(after_s=self._poll_s)

    async def stop(self) -> None:
        """Watch them no more."""
        await self._watching.stop()

    def holds(self) -> bool:
        """Whether it goes on watching them."""
        return self._watching.holds()

    async def _look_again(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Look at the files now. Raises what `report` does, and calls it again at the next."""
        self._report_change()
        try:
            stamps = self._look()
            if stamps == self._stamps:
                return
            # Noted whether it is of use or not: a fault is reported once, not at every look.
            self._stamps = stamps
            read = self._read()
        except CredentialsError as error:
            _log.warning(EVENT_TLS_RELOAD_FAILED, error=str(error))
            return
        self._current = self._unreported = read
        self._report_change()
        _log.info(EVENT_TLS_RELOADED, serial=f"{read.serial:x}", expires=read.expires.isoformat())

    def _report_change(self) -> None:
        if self._unreported is not None:
            self._report(self._unreported)
            self._unreported = None

    def _look(self) -> Sequence[Stamp]:
        try:
            return [stamp(path) for path in self._paths]
        except OSError as error:
            raise CredentialsError(f"{error.filename}: {error.strerror}") from error

    def _read(self) -> Credentials:
        trusted_at, chain_at, key_at = self._paths
        try:
            trusted, chain, key = (path.read_bytes() for path in self._paths)
        except OSError as error:
            raise CredentialsError(f"{error.filename}: {error.strerror}") from error
        try:
            x509.load_pem_x509_certificates(trusted)
        except ValueError as error:
            raise CredentialsError(f"{trusted_at}: no certificates of authorities") from error
        try:
            certificate = x509.load_pem_x509_certificate(chain)
        except ValueError as error:
            raise CredentialsError(f"{chain_at}: no certificate") from error
        try:
            public = load_pem_private_key(key, password=None).public_key()
        except (ValueError, TypeError):
            # Not from the cause, which may quote what it could not parse.
            raise CredentialsError(f"{key_at}: no private key without a password") from None
        if public != certificate.public_key():
            raise CredentialsError(f"{key_at} is not the key of {chain_at}")
        expires = certificate.not_valid_after_utc
        if expires <= datetime.now(UTC):
            raise CredentialsError(f"{chain_at} has expired at {expires:%Y-%m-%d %H:%M} UTC")
        return Credentials(chain, key, trusted, certificate.serial_number, expires)


@dataclass(frozen=True, slots=True)
class SiblingTls:
    """Who dials, and who must answer."""

    files: TlsFiles
    sibling: str

    @property
    def server_name(self) -> str:
        """The DNS name that the sibling's certificate must have."""
        return server_name(self.sibling)
