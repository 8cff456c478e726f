"""Certificates for everything that runs here, kept fresh for as long as it does."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic.dataclasses import dataclass

from gateway.envoy.secrets import write_secrets
from services.local.errors import StartError
from services.platform.audit.log import AuditLog
from services.platform.audit.port import CERTIFICATE_ISSUED
from services.platform.config.environment import CONFIG, read
from services.platform.config.errors import SettingsError
from services.platform.config.values import On
from services.platform.runtime.background import Background
from services.platform.runtime.clock import SystemClock
from services.platform.security.certificates.folder import (
    FOLDER_NAME,
    CertificateFolder,
    FolderError,
)

__all__ = ["certificates_audit", "certified", "make_certificates", "record_issued"]

AUDIT_NAME = "certificates"
"""Its chain in the audit log; each run of the command adds to it, and so does `up`."""
RENEW_EVERY_S = 3_600.0
"""Between looks at what is due; a certificate has two days left by then."""
RETRY_EVERY_S = 10.0
"""After a look that failed: what it lacks, such as room, may be there by then."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class _Wanted:
    """What whoever starts everything says of certificates."""

    tls: On = True


@contextlib.asynccontextmanager
async def certified(data_dir: Path) -> AsyncIterator[Path | None]:
    """Give the folder of certificates, renewed until the end; None where `AVIARY_TLS` is `off`.

    Raises StartError where the folder is of no use, or the variable is neither `on` nor `off`.
    """
    try:
        wanted = read(_Wanted, os.environ)
    except SettingsError as error:
        raise StartError(str(error)) from error
    if not wanted.tls:
        click.echo("AVIARY_TLS=off: processes here talk to each other in plaintext")
        yield None
        return
    try:
        folder, _ = await asyncio.to_thread(make_certificates, data_dir)
    except (FolderError, OSError) as error:
        raise StartError(f"no certificates: {error}") from error

    async def renew() -> float:
        try:
            _, renewed = await asyncio.to_thread(make_certificates, data_dir)
        except (FolderError, OSError) as error:
            click.echo(f"certificates cannot be renewed: {error}", err=True)
            return RETRY_EVERY_S
        if renewed:
            click.echo(f"renewed certificates of {', '.join(renewed)}")
        return RENEW_EVERY_S

    renewing = Background("certificates", renew)
    renewing.start(after_s=RENEW_EVERY_S)
    try:
        yield folder
    finally:
        await renewing.stop()


def make_certificates(data_dir: Path) -> tuple[Path, list[str]]:
    """Make or renew what is due in a data folder; return (folder of certificates, whose it was)."""
    path = data_dir.resolve() / FOLDER_NAME
    renewed = CertificateFolder(path).renew(datetime.now(UTC))
    write_secrets(path)
    if renewed:
        with certificates_audit(data_dir) as audit:
            record_issued(audit, renewed)
    return path, renewed


def certificates_audit(data_dir: Path) -> AuditLog:
    """Open the audit log of what happens to certificates; a context manager."""
    return AuditLog(data_dir / "audit", AUDIT_NAME, SystemClock())


def record_issued(audit: AuditLog, names: Iterable[str]) -> None:
    """Record a certificate issued to each of the names."""
    for name in names:
        audit.record(CERTIFICATE_ISSUED, name=name)
