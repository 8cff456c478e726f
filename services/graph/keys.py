"""The graph service's row keys: built and parsed here and nowhere else."""

from services.platform.rows.keys import ID_HEX_DIGITS, KeyRange, checked_id, prefix_range, split_key

__all__ = ["edge_range", "edge_row_key", "parse_edge_row_key"]


def edge_row_key(owner_id: int, other_id: int) -> bytes:
    """`{owner:016x}#{other:016x}`.

    In the following table the owner follows the other; in the followers table it is followed.
    """
    return f"{checked_id(owner_id):016x}#{checked_id(other_id):016x}".encode()


def parse_edge_row_key(key: bytes) -> tuple[int, int]:
    """Return (owner id, other id); `ValueError` if this is no edge row key."""
    return split_key(key, ID_HEX_DIGITS, ID_HEX_DIGITS)


def edge_range(owner_id: int, after: int | None = None) -> KeyRange:
    """Select the owner's edges whose other id > `after` (None: all), by rising other id."""
    whole = prefix_range(owner_id)
    if after is None:
        return whole
    return KeyRange(edge_row_key(owner_id, after) + b"\x00", whole.end)
