"""The commands `backup` and `restore`."""

import os
from pathlib import Path

import click

from services.local.backup.errors import BackupError

__all__ = ["COMMANDS"]

OWNER_ONLY = 0o077
"""Keys and hashes of passwords are for nobody else to read."""
FOLDER = click.Path(path_type=Path)
DATA_DIR = click.option(
    "--data-dir",
    type=FOLDER,
    envvar="AVIARY_DATA_DIR",
    default=Path(".data"),
    show_default=True,
    help="Folder of the Aviary that `up` runs.",
)


@click.command()
@click.argument("folder", type=FOLDER)
@DATA_DIR
def backup(folder: Path, data_dir: Path) -> None:
    """Back up everything that `up` keeps into the new FOLDER, all as of one moment.

    It may run or not; readers notice nothing, and writers a pause of milliseconds. FOLDER then
    holds keys and hashes of passwords: keep it as you keep those.
    """
    from services.local.backup.taking import back_up  # noqa: PLC0415 - every service starts by this file

    os.umask(OWNER_ONLY)
    try:
        made = back_up(data_dir, folder)
    except (BackupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    size = sum(entry.size for entry in made.files.values())
    click.echo(f"{folder} has {data_dir} as of {made.made_at}: {len(made.files)} files, {size:,} B")


@click.command()
@click.argument("folder", type=FOLDER)
@DATA_DIR
def restore(folder: Path, data_dir: Path) -> None:
    """Make a data folder out of the backup in FOLDER, which stays as it is.

    Each file is checked. A data folder that is there is not replaced: move it aside first.
    """
    from services.local.backup import restoring  # noqa: PLC0415 - as above

    os.umask(OWNER_ONLY)
    try:
        made = restoring.restore(folder, data_dir)
    except (BackupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{data_dir} is as it was at {made.made_at}; start it as ever")


COMMANDS = (backup, restore)
