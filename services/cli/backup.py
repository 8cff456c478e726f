"""The commands `backup` and `restore`."""

from pathlib import Path

import click

from services.cli.options import data_dir as data_dir_option
from services.local.backup import restoring
from services.local.backup.errors import BackupError
from services.local.backup.taking import back_up
from services.platform.files import owner_only

__all__ = ["backup", "restore"]

FOLDER = click.Path(path_type=Path)
DATA_DIR = data_dir_option("Folder of the Aviary that `up` runs.")


@click.command()
@click.argument("folder", type=FOLDER)
@DATA_DIR
def backup(folder: Path, data_dir: Path) -> None:
    """Back up everything that `up` keeps into the new FOLDER, all as of one moment.

    It may run or not; readers notice nothing, and writers a pause of milliseconds. FOLDER then
    holds keys and hashes of passwords: keep it as you keep those.
    """
    owner_only.umask()
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
    owner_only.umask()
    try:
        made = restoring.restore(folder, data_dir)
    except (BackupError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{data_dir} is as it was at {made.made_at}; start it as ever")
