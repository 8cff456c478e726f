"""The operators' commands about pictures: their arguments and options."""

from pathlib import Path

import click

from services.cli.operate.arguments import MAX_INT64
from services.cli.operate.running import DATA_DIR, run_command
from services.cli.options import JSON

__all__ = ["MEDIA_COMMANDS"]

# What the service takes in one call.
MAX_LISTED = 1_000
DEFAULT_LISTED = 100
MODULE = "run_media"
MEDIA_ID = click.argument("media_id", metavar="MEDIA_ID", type=click.IntRange(1, MAX_INT64))


@click.command("quarantined-media")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LISTED),
    default=DEFAULT_LISTED,
    show_default=True,
    help="At most so many, the oldest first.",
)
@JSON
@DATA_DIR
def quarantined_media(data_dir: Path | None, limit: int, *, as_json: bool) -> None:
    """List pictures that something was found in, and that are hidden for it."""
    run_command(lambda run: run.quarantined(data_dir, limit, as_json=as_json), MODULE)


@click.command("clear-media")
@MEDIA_ID
@DATA_DIR
def clear_media(data_dir: Path | None, media_id: int) -> None:
    """Have a quarantined picture shown again, from now on; it is not scanned again."""
    run_command(lambda run: run.clear(data_dir, media_id), MODULE)


@click.command("remove-media")
@MEDIA_ID
@DATA_DIR
def remove_media(data_dir: Path | None, media_id: int) -> None:
    """Delete a picture for good, quarantined or not. A tweet that carries it stays, without it."""
    run_command(lambda run: run.remove(data_dir, media_id), MODULE)


MEDIA_COMMANDS = (quarantined_media, clear_media, remove_media)
