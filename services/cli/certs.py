"""`certs`: the development authority and the certificates it signs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from services.cli.options import data_dir as data_dir_option
from services.local.certificates import certificates_audit, make_certificates, record_issued
from services.local.os_user import os_user
from services.platform.audit.log import AuditLog
from services.platform.audit.port import AUTHORITY_CHANGED
from services.platform.security.certificates.folder import (
    FOLDER_NAME,
    CertificateFolder,
    FolderError,
)

__all__ = ["certs"]


@click.command(
    epilog="""\b
To replace the authority, with a few seconds after each step for all to take it up:
  aviary certs --authority add
  aviary certs --authority switch
  aviary certs --authority drop
"""
)
@data_dir_option(f"Folder that holds, or gets, the folder {FOLDER_NAME}.")
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
            with certificates_audit(data_dir) as audit:
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
    audit.record(AUTHORITY_CHANGED, step=step, by=os_user())
    record_issued(audit, renewed)
    return renewed
