"""What operators' commands have in common: where Aviary is, and how a command ends."""

import importlib
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from services.cli.operate.errors import OperateError

__all__ = ["DATA_DIR", "run_command"]

# What a shell reports of a command that SIGINT ended.
INTERRUPTED = 130

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the Aviary that `up` runs, which writes addresses there. Without one, "
    "AVIARY_*_ADDRESS variables say them.  [default: .data]",
)


def run_command(
    start: Callable[[ModuleType], Coroutine[Any, Any, None]], module: str = "run"
) -> None:
    """Do what a function of that module does; ends the process if it fails."""
    # Every service starts by this command line; only these commands pay for their clients.
    import asyncio  # noqa: PLC0415

    run = importlib.import_module(f"services.cli.operate.{module}")
    try:
        asyncio.run(start(run))
    except OperateError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
