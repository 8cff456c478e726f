"""Options that several commands have in common."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from services.platform.config.defaults import DEFAULT_DATA_DIR

__all__ = ["JSON", "data_dir", "echo_json"]

Command = TypeVar("Command", bound=Callable[..., Any])


def data_dir(meaning: str) -> Callable[[Command], Command]:
    """Give a command the option `--data-dir`; `meaning` is its help, a sentence.

    The command gets it as `data_dir`, a `Path` that need not be there.
    """
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        envvar="AVIARY_DATA_DIR",
        default=Path(DEFAULT_DATA_DIR),
        show_default=True,
        show_envvar=True,
        help=meaning,
    )


JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one line of JSON, for programs to read."
)
"""Give a command that lists the option `--json`, as `as_json`. It then prints an object with a name
for what is listed; names and meanings stay as they are, and new ones may join them."""


def echo_json(document: object) -> None:
    """Print what `--json` asks for. Its ASCII alone: a terminal must not obey what others wrote."""
    click.echo(json.dumps(document))
