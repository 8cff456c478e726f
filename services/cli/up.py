"""The command `up`: everything on this machine."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from services.cli.options import data_dir as data_dir_option
from services.local import supervisor
from services.local.scale import ALL, MAX_REPLICAS, ScaleError, read_scale
from services.platform.config.defaults import DEFAULT_EDGE_PORT, MAX_PORT

__all__ = ["up"]


def _scale(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> Mapping[str, int]:
    try:
        return read_scale(texts)
    except ScaleError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@data_dir_option("Folder of everything that outlives a restart, and of the logs; made if missing.")
@click.option(
    "--edge-port",
    type=click.IntRange(1, MAX_PORT),
    envvar="AVIARY_EDGE_PORT",
    default=DEFAULT_EDGE_PORT,
    show_default=True,
    show_envvar=True,
    help="Port on 127.0.0.1 where REST is served; everything else takes free ports.",
)
@click.option(
    "--emulators",
    is_flag=True,
    help="Keep rows and messages in Google's Bigtable and Pub/Sub emulators, as at scale, not in "
    "SQLite and Valkey. They forget everything when they stop. Needs the Google Cloud SDK with "
    "both emulators, Java, and the gcp extra.",
)
@click.option(
    "--sidecars",
    is_flag=True,
    help="Put each service behind an Envoy of its own, as a service mesh does: it has the "
    "certificates, finds the siblings and retries calls for the service.",
)
@click.option(
    "--scale",
    multiple=True,
    metavar="SERVICE=NUMBER[,…]",
    callback=_scale,
    help=f"Run so many processes of a service, at most {MAX_REPLICAS}, such as graph=3,tweet=2; "
    f"'{ALL}' is every service that is not named. May be given several times.",
)
def up(
    data_dir: Path, edge_port: int, *, emulators: bool, sidecars: bool, scale: Mapping[str, int]
) -> None:
    """Start Valkey, every service and the edge on this machine; Ctrl-C stops them."""
    sys.exit(
        supervisor.run(data_dir, edge_port, emulators=emulators, sidecars=sidecars, scale=scale)
    )
