"""`certs`: the development authority and the certificates it signs."""

from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.edge.secrets import write_secrets
from services.certificates.folder import FOLDER_NAME, CertificateFolder, FolderError

__all__ = ["certs", "make_certificates"]


def make_certificates(data_dir: Path) -> tuple[Path, list[str]]:
    """Make or renew what is due in a data folder; return (folder of certificates, whose it was)."""
    path = data_dir.resolve() / FOLDER_NAME
    renewed = CertificateFolder(path).renew(datetime.now(UTC))
    write_secrets(path)
    return path, renewed


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
        if authority == "add":
            folder.add_authority(now)
            click.echo("a new authority is trusted as well; it does not sign yet")
        elif authority == "switch":
            renewed = sorted({*renewed, *folder.switch_authority(now)})
            click.echo("the new authority signs; the old one is still trusted")
        elif authority == "drop":
            click.echo(f"authorities no longer trusted: {folder.drop_authority(now)}")
    except FolderError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"renewed: {', '.join(renewed) or 'nothing was due'}\nin {path}")
