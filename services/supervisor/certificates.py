"""Certificates for everything that runs here, kept fresh for as long as it does."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import click

from services.background import Background
from services.certificates.command import make_certificates
from services.certificates.folder import FolderError
from services.environment import SettingsError, Variables
from services.supervisor.errors import StartError

__all__ = ["certified"]

RENEW_EVERY_S = 3_600.0
"""Between looks at what is due; a certificate has two days left by then."""
RETRY_EVERY_S = 10.0
"""After a look that failed: what it lacks, such as room, may be there by then."""


@contextlib.asynccontextmanager
async def certified(data_dir: Path) -> AsyncIterator[Path | None]:
    """Give the folder of certificates, renewed until the end; None where `AVIARY_TLS` is `off`.

    Raises StartError where the folder is of no use, or the variable is neither `on` nor `off`.
    """
    try:
        plain = Variables(os.environ).is_plain()
    except SettingsError as error:
        raise StartError(str(error)) from error
    if plain:
        click.echo("AVIARY_TLS=off: processes here talk to each other in plaintext")
        yield None
        return
    try:
        folder, _ = make_certificates(data_dir)
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
