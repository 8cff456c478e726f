"""The command line: `aviary up` for everything, `aviary <service>` for one, the rest to use it."""

import asyncio
import os
import sys
from pathlib import Path

import click

from services.cli import backup
from services.cli.audit import audit
from services.cli.certs import certs
from services.cli.load.command import load
from services.cli.operate.command import COMMANDS
from services.cli.operator_commands import app_key, register_app, rotate_signing_key, token
from services.cli.serving import serve
from services.local import supervisor
from services.platform.config.settings import Settings, SettingsError
from services.platform.files import owner_only
from services.platform.specs import all_specs

__all__ = ["main"]

SHORT_HELP_CHARS = 100
"""Of a command in the list of them; long enough for each to be whole."""


class _Sections(click.Group):
    """Lists commands by what they are for."""

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write a section for each purpose."""
        operating = [str(each.name) for each in COMMANDS]
        others = [name for name in self.commands if name not in {*operating, *all_specs()}]
        for title, names in (
            ("Commands", others),
            ("Operating what runs", operating),
            ("Single services, as a container runs them", list(all_specs())),
        ):
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name, self.commands[name].get_short_help_str(SHORT_HELP_CHARS))
                        for name in names
                    ]
                )


@click.group(cls=_Sections, help=__doc__)
def main() -> None:
    """Group the commands; what any of them writes is for its owner alone."""
    owner_only.umask()


for _command in (
    *(app_key, audit, certs, load, register_app, rotate_signing_key, token),
    *backup.COMMANDS,
    *COMMANDS,
):
    main.add_command(_command)


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    envvar="AVIARY_DATA_DIR",
    default=Path(".data"),
    show_default=True,
    show_envvar=True,
    help="Folder of everything that outlives a restart, and of the logs; made when missing.",
)
@click.option(
    "--edge-port",
    type=click.IntRange(1, 65_535),
    envvar="AVIARY_EDGE_PORT",
    default=8080,
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
    "certificates, finds the siblings and tries again in the service's stead.",
)
def up(data_dir: Path, edge_port: int, *, emulators: bool, sidecars: bool) -> None:
    """Start Valkey, every service and the edge on this machine; Ctrl-C stops them."""
    sys.exit(supervisor.run(data_dir, edge_port, emulators=emulators, sidecars=sidecars))


def _add(name: str) -> None:
    @main.command(name, help=f"Run the {name} service, configured by AVIARY_* variables.")
    def command() -> None:
        try:
            asyncio.run(serve(name, Settings.from_environment(os.environ)))
        except SettingsError as error:
            raise click.ClickException(str(error)) from error


for _name in all_specs():
    _add(_name)
