"""The command `token`."""

from pathlib import Path

import click

from services.cli.options import data_dir as data_dir_option
from services.local.operator_file import OperatorError, fetch_token, read_operator

__all__ = ["token"]


@click.command(
    epilog="""\b
Examples:
  curl -H "Authorization: Bearer $(aviary token --user ada)" \\
      http://127.0.0.1:8080/v1/timeline/home
"""
)
@click.option(
    "--user",
    "handle",
    metavar="HANDLE",
    help="User to act for.  [default: the operator's own token]",
)
@click.option("--scope", help="Scopes to ask for, separated by spaces.  [default: all]")
@data_dir_option("Folder of the running Aviary.")
def token(handle: str | None, scope: str | None, data_dir: Path) -> None:
    """Print an access token for curl, on the machine that runs Aviary.

    With the operator's own token, each request names the user that it acts for.
    """
    try:
        click.echo(fetch_token(read_operator(data_dir), handle=handle, scope=scope))
    except OperatorError as error:
        raise click.ClickException(str(error)) from error
