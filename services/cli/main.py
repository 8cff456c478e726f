"""The command line: `aviary up` for everything, `aviary <service>` for one, the rest to use it.

Every service starts by this module, so a command's own module is imported when the command runs,
and not before.
"""

import importlib
import os
from dataclasses import dataclass

import click

from services.cli.operate.command import COMMANDS as OPERATING
from services.platform.files import owner_only
from services.platform.runtime.garbage import collect_little_at_start
from services.platform.specs import all_specs

__all__ = ["SECTIONS", "Imported", "main"]

SHORT_HELP_CHARS = 100
"""Of a command in the list of them; long enough for each to be whole."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A command that is imported when it is run."""

    name: str
    summary: str
    """The first sentence of its help."""
    module: str
    attribute: str

    def load(self) -> click.Command:
        """Import the command."""
        command = getattr(importlib.import_module(self.module), self.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.module}.{self.attribute} is no command")
        return command


SECTIONS = {
    "Aviary on this machine": (
        Imported(
            "up",
            "Start Valkey, every service and the edge on this machine; Ctrl-C stops them.",
            "services.cli.up",
            "up",
        ),
        Imported(
            "certs",
            "Make certificates for development, and renew those past two thirds of their week.",
            "services.cli.certs",
            "certs",
        ),
        Imported(
            "backup",
            "Back up everything that `up` keeps into the new FOLDER, all as of one moment.",
            "services.cli.backup",
            "backup",
        ),
        Imported(
            "restore",
            "Make a data folder out of the backup in FOLDER, which stays as it is.",
            "services.cli.backup",
            "restore",
        ),
        Imported("audit", "Check the audit log.", "services.cli.audit", "audit"),
        Imported(
            "load",
            "Fill a running Aviary with users, follows and tweets, over REST.",
            "services.cli.load.command",
            "load",
        ),
        Imported(
            "mix",
            "Play a realistic mix at a running Aviary, and report latencies with percentiles.",
            "services.cli.load.mix_command",
            "mix",
        ),
    ),
    "Tokens, apps and their keys": (
        Imported(
            "token",
            "Print an access token for curl, on the machine that runs Aviary.",
            "services.cli.token",
            "token",
        ),
        Imported(
            "register-app",
            "Register an app; prints its id, and its secret, which is not shown again.",
            "services.cli.issuer_commands",
            "register_app",
        ),
        Imported(
            "apps",
            "List the apps that were registered, by id.",
            "services.cli.issuer_commands",
            "apps",
        ),
        Imported(
            "remove-app",
            "End an app for good: it gets no more tokens, and its API keys are revoked.",
            "services.cli.issuer_commands",
            "remove_app",
        ),
        Imported(
            "app-key",
            "Make, list and revoke the API keys of apps, which they send as `x-api-key`.",
            "services.cli.issuer_commands",
            "app_key",
        ),
        Imported(
            "rotate-signing-key",
            "Make a new signing key: published at once, and used once every edge has seen it.",
            "services.cli.issuer_commands",
            "rotate_signing_key",
        ),
        Imported(
            "withdraw-signing-key",
            "Take a signing key back: within seconds no edge takes anything that it signed.",
            "services.cli.issuer_commands",
            "withdraw_signing_key",
        ),
    ),
}


class _Sections(click.Group):
    """Imports commands when they are run, and lists them by what they are for."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was typed, most of which is to import it."""
        collect_little_at_start()
        return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        imported = [each.name for section in SECTIONS.values() for each in section]
        return [*imported, *super().list_commands(ctx), *all_specs()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, None where there is none."""
        for section in SECTIONS.values():
            for each in section:
                if each.name == cmd_name:
                    return each.load()
        return super().get_command(ctx, cmd_name) or _service(cmd_name)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write a section for each purpose."""
        rows = {
            title: [(each.name, each.summary) for each in section]
            for title, section in SECTIONS.items()
        }
        rows["Operating what runs"] = [
            (str(each.name), each.get_short_help_str(SHORT_HELP_CHARS)) for each in OPERATING
        ]
        rows["Single services, as a container runs them"] = [
            (spec.name, spec.summary) for spec in all_specs().values()
        ]
        for title, commands in rows.items():
            with formatter.section(title):
                formatter.write_dl(commands)


@click.group(cls=_Sections, help=(__doc__ or "").partition("\n")[0])
@click.version_option(package_name="aviary")
def main() -> None:
    """Group the commands; what any of them writes is for its owner alone."""
    owner_only.umask()


for _command in OPERATING:
    main.add_command(_command)


def _service(name: str) -> click.Command | None:
    """Make the command that runs a service; None where no service has that name."""
    if name not in all_specs():
        return None

    @click.command(name, help=f"Run the {name} service, configured by AVIARY_* variables.")
    def command() -> None:
        # Not before it runs: `--help` does without.
        import asyncio  # noqa: PLC0415

        from services.cli.serving import serve  # noqa: PLC0415
        from services.platform.config.settings import Settings, SettingsError  # noqa: PLC0415

        try:
            asyncio.run(serve(name, Settings.from_environment(os.environ)))
        except SettingsError as error:
            raise click.ClickException(str(error)) from error

    return command
