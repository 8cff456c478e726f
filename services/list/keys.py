"""The list service's own row keys and columns: built and parsed here and nowhere else."""

from services.platform.rows.keys import ID_HEX_DIGITS, checked_id, parse_hex

__all__ = ["list_column", "list_of", "list_row_key", "parse_list_row_key"]

_ID_BYTES = 8


def list_row_key(list_id: int) -> bytes:
    """`{list:016x}`."""
    return b"%016x" % checked_id(list_id)


def parse_list_row_key(key: bytes) -> int:
    """Return the list; `ValueError` if this is no such row key."""
    return parse_hex(key, ID_HEX_DIGITS)


def list_column(list_id: int) -> bytes:
    """Return the column of a list in the row of who may be in it."""
    return checked_id(list_id).to_bytes(_ID_BYTES, "big")


def list_of(column: bytes) -> int:
    """Return the list of such a column; `ValueError` for another."""
    if len(column) != _ID_BYTES:
        raise ValueError(f"{column!r} is no column of a list")
    return checked_id(int.from_bytes(column, "big"))
