"""Row keys of an outbox: built and parsed here and nowhere else."""

from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    SHARD_HEX_DIGITS,
    KeyRange,
    parse_hex,
    range_of,
    split_key,
)

__all__ = [
    "OUTBOX_KEY",
    "OUTBOX_SHARDS",
    "SWEEPS_KEY",
    "entry_column",
    "outbox_range",
    "outbox_row_key",
    "parse_entry_column",
    "parse_outbox_row_key",
]

OUTBOX_SHARDS = 16
"""Row-key prefixes of an outbox: ids grow, and all writes would meet at the end of one range. Each
is scanned by every sweep that finds something."""

OUTBOX_KEY = f"{{shard:02x}}#{{entry:016x}}, {OUTBOX_SHARDS} shards"
"""The form of the keys, for the declaration of an outbox's table."""


SWEEPS_KEY = b"ff#0000000000000000"
"""Of the one row that is no entry, in no shard: what processes tell each other of their sweeps."""


def outbox_row_key(entry_id: int) -> bytes:
    """`{shard:02x}#{id:016x}`; ids are below 2**64."""
    return f"{entry_id % OUTBOX_SHARDS:02x}#{entry_id:016x}".encode()


def parse_outbox_row_key(key: bytes) -> int:
    """Return the entry id; `ValueError` if this is no outbox row key."""
    _, entry_id = split_key(key, SHARD_HEX_DIGITS, ID_HEX_DIGITS)
    return entry_id


def outbox_range(shard: int) -> KeyRange:
    """Select all entries of a shard."""
    return range_of(f"{shard:02x}")


def entry_column(entry_id: int) -> bytes:
    """`{id:016x}`: the column of one entry in a row about all of an outbox."""
    return f"{entry_id:016x}".encode()


def parse_entry_column(column: bytes) -> int:
    """Return the entry id; `ValueError` if this is no such column."""
    return parse_hex(column, ID_HEX_DIGITS)
