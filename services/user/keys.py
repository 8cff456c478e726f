"""The user service's row keys of names, and ranges: built and parsed here and nowhere else."""

from services.platform.rows.keys import ID_HEX_DIGITS, KeyRange, checked_id, parse_hex

__all__ = ["name_row_key", "names_from", "parse_name_row_key", "users_after"]

_AFTER_TEXT = b"\xff"
"""Sorts behind all that goes on from a text, as no UTF-8 has this byte."""
_AFTER_NAME = b" #"
"""Sorts before what a longer name goes on with: a letter, or a space and the letter of a word."""


def name_row_key(name: str, user_id: int) -> bytes:
    """`{name} #{user:016x}`: an exact name before longer ones; there is no `#` in a name."""
    return b"%s%s%016x" % (name.encode(), _AFTER_NAME, checked_id(user_id))


def parse_name_row_key(key: bytes) -> tuple[str, int]:
    """Return (name, user id); `ValueError` if this is no key of a name."""
    name, separator, user_id = key.rpartition(_AFTER_NAME)
    if not separator:
        raise ValueError(f"{key!r} is no key of a name")
    return name.decode(), parse_hex(user_id, ID_HEX_DIGITS)


def names_from(prefix: str, after: bytes | None) -> KeyRange:
    """Select the names that begin so, behind a key (None: all)."""
    start = prefix.encode()
    return KeyRange(start if after is None else after + b"\x00", start + _AFTER_TEXT)


def users_after(user_id: int | None) -> KeyRange:
    """Select the users with greater ids than this one; None selects all."""
    start = b"" if user_id is None else b"%016x\x00" % checked_id(user_id)
    return KeyRange(start, b"g")
