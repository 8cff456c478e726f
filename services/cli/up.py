"""The command `up`: everything on this machine."""

import sys
from pathlib import Path

import click

from services.cli.options import data_dir as data_dir_option
from services.local import supervisor
from services.platform.config.defaults import DEFAULT_EDGE_PORT, MAX_PORT

__all__ = ["up"]


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
def up(data_dir: Path, edge_port: int, *, emulators: bool, sidecars: bool) -> None:
    """Start Valkey, every service and the edge on this machine; Ctrl-C stops them."""
    sys.exit(supervisor.run(data_dir, edge_port, emulators=emulators, sidecars=sidecars))
