"""`certs`: the development authority and the certificates it signs."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.edge.secrets import write_secrets
from services.audit.log import AuditLog
from services.audit.port import AUTHORITY_CHANGED, CERTIFICATE_ISSUED
from services.certificates.folder import FOLDER_NAME, CertificateFolder, FolderError
from services.clock import SystemClock
from services.login import login

__all__ = ["certs", "make_certificates"]


AUDIT_NAME = "certificates"
"""Its chain in the audit log; each run of the command adds to it, and so does `up`."""


def make_certificates(data_dir: Path) -> tuple[Path, list[str]]:
    """Make or renew what is due in a data folder; return (folder of certificates, whose it was)."""
    path = data_dir.resolve() / FOLDER_NAME
    renewed = CertificateFolder(path).renew(datetime.now(UTC))
    write_secrets(path)
    if renewed:
        with _audit(data_dir) as audit:
            _record_issued(audit, renewed)
    return path, renewed


def _audit(data_dir: Path) -> AuditLog:
    return AuditLog(data_dir / "audit", AUDIT_NAME, SystemClock())


def _record_issued(audit: AuditLog, names: Iterable[str]) -> None:
    for name in names:
        audit.record(CERTIFICATE_ISSUED, name=name)


@click.command(
    epilog="""\b
To replace the authority, with a few seconds after each step for all to take it up:
  python -m services certs --authority add
  python -m services certs --authority switch
  python -m services certs --authority drop
"""
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    envvar="AVIARY_DATA_DIR",
    default=Path(".data"),
    show_default=True,
    help=f"Folder that holds, or gets, the folder {FOLDER_NAME}.",
)
@click.option(
    "--authority",
    type=click.Choice(["add", "switch", "drop"]),
    help="Replace the authority step by step: trust a new one too, sign with it, trust it alone.",
)
def certs(data_dir: Path, authority: str | None) -> None:
    """Make certificates for development, and renew those past two thirds of their week.

    What runs takes them up by itself within seconds.
    """
    try:
        path, renewed = make_certificates(data_dir)
        folder, now = CertificateFolder(path), datetime.now(UTC)
        if authority is not None:
            with _audit(data_dir) as audit:
                renewed = sorted({*renewed, *_replaced(folder, authority, now, audit)})
    except (FolderError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"renewed: {', '.join(renewed) or 'nothing was due'}\nin {path}")


def _replaced(
    folder: CertificateFolder, step: str, now: datetime, audit: AuditLog
) -> Sequence[str]:
    """Do one step of replacing the authority; return whose certificates were made."""
    renewed: Sequence[str] = ()
    if step == "add":
        folder.add_authority(now)
        click.echo("a new authority is trusted as well; it does not sign yet")
    elif step == "switch":
        renewed = folder.switch_authority(now)
        click.echo("the new authority signs; the old one is still trusted")
    else:
        click.echo(f"authorities no longer trusted: {folder.drop_authority(now)}")
    audit.record(AUTHORITY_CHANGED, step=step, by=login())
    _record_issued(audit, renewed)
    return renewed
