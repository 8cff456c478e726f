"""How operators' commands reach the issuer's store, next to the running issuer."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from services.cli.options import data_dir as data_dir_option
from services.identity.app import IdentityAdmin, identity_admin
from services.identity.spec import SPEC
from services.local.operator_file import OperatorError, read_operator
from services.local.operator_stores import stores_of
from services.local.os_user import os_user
from services.platform.config.settings import Settings, SettingsError
from services.platform.errors import AviaryError
from services.platform.rpc.admin_calls import AdminCall

__all__ = ["DATA_DIR", "at", "with_admin"]

DATA_DIR = data_dir_option("Folder of the running Aviary.")
_MS_PER_S = 1_000
Result = TypeVar("Result")


def at(unix_ms: int) -> str:
    """Give a time as people read it."""
    return datetime.fromtimestamp(unix_ms / _MS_PER_S, UTC).isoformat(timespec="seconds")


def with_admin(
    data_dir: Path,
    act: Callable[[IdentityAdmin], Awaitable[Result]],
    *,
    change: str | None = None,
) -> Result:
    """Do something in the issuer's store; `ClickException` where that fails.

    `change` is for an act that changes something: what is changed, for the audit log.
    """

    async def run() -> Result:
        async with identity_admin(_settings(data_dir)) as admin:
            if change is None:
                return await act(admin)
            with AdminCall(admin.audit, _command(), change, by=os_user()):
                return await act(admin)

    try:
        return asyncio.run(run())
    except (AviaryError, SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _command() -> str:
    """Name the command that runs, such as `app-key make`."""
    context, names = click.get_current_context(), list[str]()
    while context.parent is not None:
        names.insert(0, str(context.info_name))
        context = context.parent
    return " ".join(names)


def _settings(data_dir: Path) -> Settings:
    """Find the stores as services do; on one machine, by the variables that `up` gave them."""
    variables = {"AVIARY_DATA_DIR": str(data_dir)}
    try:
        operator = read_operator(data_dir)
    except OperatorError:
        # `up` has not made this folder: the environment names the stores.
        if not data_dir.exists():
            raise click.ClickException(
                f"there is no {data_dir}; name the --data-dir that `make run` uses"
            ) from None
    else:
        try:
            stores = stores_of(data_dir, operator)
        except OperatorError as error:
            raise click.ClickException(str(error)) from error
        variables |= {**stores, "AVIARY_ISSUER_URL": operator.url}
    for name, value in variables.items():
        # In the environment itself, since Google's clients look there for their emulators.
        os.environ.setdefault(name, value)
    settings = Settings.from_environment(os.environ)
    rows = settings.data_dir / f"{SPEC.name}.db"
    # Opened, it would be made: an issuer that nobody asked for, and that knows no app.
    if settings.storage == "sqlite" and not rows.exists():
        raise click.ClickException(
            f"there is no {rows}; name the --data-dir of an Aviary that has run"
        )
    return settings
