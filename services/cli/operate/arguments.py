"""What commands make of their arguments."""

from collections.abc import Sequence
from typing import Final

import click

__all__ = ["MAX_INT64", "check_some", "followers_meant"]

MAX_INT64: Final = (1 << 63) - 1
"""What a contract's `int64` can hold."""
DEFAULT_WORD: Final = "default"


def check_some(subscriptions: Sequence[str], *, everything: bool) -> None:
    """Raise `click.UsageError` unless there are names, or all are meant, and not both."""
    if bool(subscriptions) == everything:
        raise click.UsageError("name subscriptions, or give --all")


def followers_meant(text: str) -> int:
    """Return the followers meant, 0 for the default."""
    if text == DEFAULT_WORD:
        return 0
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_INT64))
    if not (plain and 1 <= int(text) <= MAX_INT64):
        raise click.BadParameter(
            f"got {text!r}, wanted a whole number, 1 to {MAX_INT64}, or `default`"
        )
    return int(text)
