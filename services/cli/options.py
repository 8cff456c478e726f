"""Options that several commands have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from services.platform.config.defaults import DEFAULT_DATA_DIR

__all__ = ["data_dir"]

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
