"""Commands of operators: `token`, `register-app` and `rotate-signing-key`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gateway.identity.clients import Registered
from services.errors import AviaryError
from services.login import login
from services.operator_file import OperatorError, fetch_token, read_operator
from services.rpc.admin_calls import AdminCall
from services.settings import Settings, SettingsError

if TYPE_CHECKING:
    from services.bootstrap.identity import IdentityAdmin

__all__ = ["register_app", "rotate_signing_key", "token"]

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    envvar="AVIARY_DATA_DIR",
    default=Path(".data"),
    show_default=True,
    help="Of the running Aviary.",
)
_MS_PER_S = 1_000
Result = TypeVar("Result")


@click.command()
@click.option("--user", "handle", metavar="HANDLE", help="Whose.  [default: the operator's own]")
@click.option("--scope", help="Less than all there is: words, separated by spaces.")
@DATA_DIR
def token(handle: str | None, scope: str | None, data_dir: Path) -> None:
    r"""Print an access token for curl, on the machine that runs Aviary.

    \b
    curl -H "Authorization: Bearer $(python -m services token --user ada)" \\
        http://127.0.0.1:8080/v1/timeline/home

    The operator's own acts for anybody: each request then says for whom.
    """
    try:
        click.echo(fetch_token(read_operator(data_dir), handle=handle, scope=scope))
    except OperatorError as error:
        raise click.ClickException(str(error)) from error


@click.command("register-app")
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where log-ins may lead to.")
@click.option("--public", is_flag=True, help="An app that can keep no secret: it has PKCE alone.")
@DATA_DIR
def register_app(name: str, redirect_uris: Sequence[str], data_dir: Path, *, public: bool) -> None:
    """Make an app known; prints its id, and its secret, which is not shown again."""

    async def register(admin: "IdentityAdmin") -> Registered:
        return await admin.clients.register(name, redirect_uris, public=public)

    kind = "public" if public else "confidential"
    made = _with_admin(data_dir, f"{kind} {name!r} {' '.join(redirect_uris)}", register)
    click.echo(f"client_id      {made.client_id}")
    if made.client_secret is not None:
        click.echo(f"client_secret  {made.client_secret}")


@click.command("rotate-signing-key")
@DATA_DIR
def rotate_signing_key(data_dir: Path) -> None:
    """Make a new signing key: published at once, and used once every edge has seen it."""

    async def rotate(admin: "IdentityAdmin") -> tuple[str, int]:
        return await admin.keyring.rotate()

    kid, from_ms = _with_admin(data_dir, "", rotate)
    at = datetime.fromtimestamp(from_ms / _MS_PER_S, UTC).isoformat(timespec="seconds")
    click.echo(f"key {kid} signs from {at}; the ones before it stay until their tokens expire")


def _with_admin(
    data_dir: Path, arguments: str, act: Callable[["IdentityAdmin"], Awaitable[Result]]
) -> Result:
    # All services start by this command line; only these commands pay for the issuer.
    from services.bootstrap.identity import identity_admin  # noqa: PLC0415

    async def run() -> Result:
        what = str(click.get_current_context().info_name)
        async with identity_admin(_settings(data_dir)) as admin:
            with AdminCall(admin.audit, what, arguments, by=login()):
                return await act(admin)

    try:
        return asyncio.run(run())
    except (AviaryError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def _settings(data_dir: Path) -> Settings:
    """Find the stores as services do; on one machine, as the supervisor told them."""
    told = {"AVIARY_DATA_DIR": str(data_dir)}
    try:
        told |= read_operator(data_dir).environment
    except OperatorError:
        # Not of a supervisor's making: the environment says all.
        if not data_dir.exists():
            raise click.ClickException(f"{data_dir} does not exist") from None
    for name, value in told.items():
        # In the environment itself, since Google's clients look there for their emulators.
        os.environ.setdefault(name, value)
    return Settings.from_environment(os.environ)
