"""Handles of loaded users: a prefix that no other load has, and the user's place in base 36."""

import random
import re

from services.cli.load.errors import LoadError
from services.platform.text.handles import MAX_HANDLE_CHARS

__all__ = ["check_prefix", "handle_of", "new_prefix"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# 36 ** 5 prefixes: two of a hundred loads clash once in ten thousand times.
_RANDOM_CHARS = 5
_PREFIX = re.compile("[A-Za-z0-9_]*")


def new_prefix(rng: random.Random) -> str:
    """Draw a prefix."""
    return "u" + "".join(rng.choices(_DIGITS, k=_RANDOM_CHARS)) + "_"


def check_prefix(prefix: str, users: int) -> None:
    """Raise `LoadError` unless all of so many handles can begin so."""
    longest = MAX_HANDLE_CHARS - len(_base36(users - 1))
    if _PREFIX.fullmatch(prefix) is None or len(prefix) > longest:
        raise LoadError(
            f"prefix {prefix!r} does not do; wanted at most {longest} of A-Z, a-z, 0-9 and _"
        )


def handle_of(prefix: str, index: int) -> str:
    """Give the handle of the `index`th user, from 0."""
    return prefix + _base36(index)


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
