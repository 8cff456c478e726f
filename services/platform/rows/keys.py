"""What all row keys are made of; each service builds and parses its own in its `keys` module.

Row keys sort as bytes, so numbers are fixed-width lower-case hex. Where the newest must come
first, the 64-bit complement (`~`) of the number is written. Ids are snowflakes: 41 bits of
milliseconds since 2024-01-01 UTC, 10 bits of worker, 12 bits of sequence.
"""

from services.platform.ids.model import MAX_ID
from services.platform.rows.port import KeyRange

__all__ = [
    "HEX_DIGITS",
    "ID_HEX_DIGITS",
    "ID_MASK",
    "SHARD_HEX_DIGITS",
    "KeyRange",
    "checked_id",
    "parse_hex",
    "parse_user_row_key",
    "prefix_range",
    "range_of",
    "request_row_key",
    "shard_of",
    "split_key",
    "user_row_key",
]


ID_MASK = (1 << 64) - 1
HEX_DIGITS = b"0123456789abcdef"
ID_HEX_DIGITS = 16
SHARD_HEX_DIGITS = 2


_SEPARATOR = "#"
_AFTER_SEPARATOR = "$"
"""The byte after `#`: `prefix$` ends the range of all keys that begin with `prefix#`."""


def user_row_key(user_id: int) -> bytes:
    """`{user:016x}`: what there is one row of for each user."""
    return b"%016x" % checked_id(user_id)


def parse_user_row_key(key: bytes) -> int:
    """Return the user id; `ValueError` if this is no user row key."""
    return parse_hex(key, ID_HEX_DIGITS)


def request_row_key(scope: int | str, request_id: str) -> bytes:
    """`{scope}#{request id}`: what a client's request id stands for.

    The scope is the id of the one who asks, in 16 hex digits, or else a verb and what it is about,
    as in `delete#…`: no hex number begins with a whole word, so the two never meet.
    """
    named = f"{checked_id(scope):016x}" if isinstance(scope, int) else scope
    return f"{named}#{request_id}".encode()


def shard_of(number: int, shards: int) -> int:
    """Spread ids evenly over so many row-key prefixes: 0 to `shards` - 1, the same each time.

    The id is mixed first (the SplitMix64 finaliser, Steele et al. 2014): its low bits are a
    sequence that is nearly always 0.
    """
    mixed = checked_id(number)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & ID_MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & ID_MASK
    return (mixed ^ (mixed >> 31)) % shards


def checked_id(number: int) -> int:
    """Return the id; `ValueError` if it is none."""
    if not 0 <= number <= MAX_ID:
        raise ValueError(f"{number} is not an id: want 0 to 2**63 - 1")
    return number


def prefix_range(owner_id: int) -> KeyRange:
    """Select the keys that begin with the id of their owner."""
    return range_of(f"{checked_id(owner_id):016x}")


def range_of(prefix: str) -> KeyRange:
    """Select the keys that begin with `prefix#`."""
    return KeyRange((prefix + _SEPARATOR).encode(), (prefix + _AFTER_SEPARATOR).encode())


def split_key(key: bytes, left_digits: int, right_digits: int) -> tuple[int, int]:
    """Parse `{left}#{right}`, hex numbers of these many digits; `ValueError` if it is not so."""
    left, separator, right = key.partition(_SEPARATOR.encode())
    if not separator:
        raise ValueError(f"{key!r} is not a row key of this kind")
    return parse_hex(left, left_digits), parse_hex(right, right_digits)


def parse_hex(key: bytes, digits: int) -> int:
    """Parse lower-case hex of exactly this many digits; `ValueError` if it is not."""
    # `int` alone would take signs, blanks, underscores and capitals too.
    if len(key) != digits or key.strip(HEX_DIGITS):
        raise ValueError(f"{key!r} is not a row key of this kind")
    return int(key, 16)
