"""Every row key and Valkey key in Aviary: built and parsed here and nowhere else.

Row keys sort as bytes, so numbers are fixed-width lower-case hex. Where the newest must come
first, the 64-bit complement (`~`) of the number is written. Ids are snowflakes: 41 bits of
milliseconds since 2024-01-01 UTC, 10 bits of worker, 12 bits of sequence.
"""

from dataclasses import dataclass

from services.snowflake_time import EPOCH_MS, time_ms

__all__ = [
    "MAX_ID",
    "OUTBOX_SHARDS",
    "TWEET_SHARDS",
    "KeyRange",
    "author_list_key",
    "author_range",
    "author_row_key",
    "edge_range",
    "edge_row_key",
    "home_day",
    "home_list_key",
    "home_qualifier",
    "home_range",
    "home_row_key",
    "nonce_key",
    "outbox_range",
    "outbox_row_key",
    "parse_author_row_key",
    "parse_edge_row_key",
    "parse_home_qualifier",
    "parse_home_row_key",
    "parse_outbox_row_key",
    "parse_tweet_row_key",
    "parse_user_row_key",
    "parse_worker_row_key",
    "relations_key",
    "request_row_key",
    "tweet_cache_key",
    "tweet_row_key",
    "tweet_shard",
    "user_row_key",
    "worker_row_key",
]

TWEET_SHARDS = 64
"""Row-key prefixes of the tweet table: snowflakes rise with time, and without a prefix all new
tweets would land on one tablet."""

OUTBOX_SHARDS = 16
"""Row-key prefixes of an outbox, for the same reason; each is scanned by every sweep."""

MAX_ID = (1 << 63) - 1
"""What ids end at: contracts have them as int64."""

_ID_MASK = (1 << 64) - 1
_DAY_MASK = (1 << 32) - 1
_ID_BYTES = 8
_ID_HEX_DIGITS = 16
_DAY_HEX_DIGITS = 8
_SHARD_HEX_DIGITS = 2
_WORKER_HEX_DIGITS = 3

_DAY_MS = 86_400_000

_SEPARATOR = "#"
_AFTER_SEPARATOR = "$"
"""The byte after `#`: `prefix$` ends the range of all keys that begin with `prefix#`."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Row keys with `start <= key < end`."""

    start: bytes
    end: bytes


def user_row_key(user_id: int) -> bytes:
    """`{user:016x}`: what there is one row of for each user."""
    return f"{_checked(user_id):016x}".encode()


def parse_user_row_key(key: bytes) -> int:
    """Return the user id; `ValueError` if this is no user row key."""
    return _parse(key, _ID_HEX_DIGITS)


def worker_row_key(worker: int) -> bytes:
    """`{worker:03x}`: the lease of a Snowflake worker number, 0 to 1023."""
    return f"{worker:03x}".encode()


def parse_worker_row_key(key: bytes) -> int:
    """Return the worker number; `ValueError` if this is no lease row key."""
    return _parse(key, _WORKER_HEX_DIGITS)


def request_row_key(scope: int | str, request_id: str) -> bytes:
    """`{scope}#{request id}`: what a caller's request id stands for.

    The scope is the id of the one who asks, in 16 hex digits, or else a verb and what it is about,
    as in `delete#…`: no hex number begins with a whole word, so the two never meet.
    """
    named = f"{_checked(scope):016x}" if isinstance(scope, int) else scope
    return f"{named}#{request_id}".encode()


def outbox_row_key(entry_id: int) -> bytes:
    """`{shard:02x}#{id:016x}`; ids are below 2**64."""
    return f"{entry_id % OUTBOX_SHARDS:02x}#{entry_id:016x}".encode()


def parse_outbox_row_key(key: bytes) -> int:
    """Return the entry id; `ValueError` if this is no outbox row key."""
    _, entry_id = _split(key, _SHARD_HEX_DIGITS, _ID_HEX_DIGITS)
    return entry_id


def outbox_range(shard: int) -> KeyRange:
    """Select all entries of a shard."""
    return _range(f"{shard:02x}")


def tweet_shard(tweet_id: int) -> int:
    """Compute the shard of a tweet, 0 to 63.

    The id is mixed first (the SplitMix64 finaliser, Steele et al. 2014): its low bits are a
    sequence that is nearly always 0.
    """
    mixed = _checked(tweet_id)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _ID_MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _ID_MASK
    return (mixed ^ (mixed >> 31)) % TWEET_SHARDS


def tweet_row_key(tweet_id: int) -> bytes:
    """`{shard:02x}#{id:016x}`."""
    return f"{tweet_shard(tweet_id):02x}#{tweet_id:016x}".encode()


def parse_tweet_row_key(key: bytes) -> int:
    """Return the tweet id; `ValueError` if this is no tweet row key."""
    shard, tweet_id = _split(key, _SHARD_HEX_DIGITS, _ID_HEX_DIGITS)
    if shard != tweet_shard(tweet_id):
        raise ValueError(f"the shard of row key {key!r} is not its tweet's")
    return tweet_id


def author_row_key(author_id: int, tweet_id: int) -> bytes:
    """`{author:016x}#{~id:016x}`: an author's tweets, newest first."""
    return f"{_checked(author_id):016x}#{_checked(tweet_id) ^ _ID_MASK:016x}".encode()


def parse_author_row_key(key: bytes) -> tuple[int, int]:
    """Return (author id, tweet id); `ValueError` if this is no author row key."""
    author_id, inverted = _split(key, _ID_HEX_DIGITS, _ID_HEX_DIGITS)
    return author_id, _checked(inverted ^ _ID_MASK)


def author_range(author_id: int, before: int | None = None) -> KeyRange:
    """Select the author's tweets with id < `before` (None: all), newest first."""
    whole = _prefix_range(author_id)
    if before is None:
        return whole
    # In this order "older than `before`" begins just after the key of `before` itself.
    return KeyRange(author_row_key(author_id, before) + b"\x00", whole.end)


def home_day(tweet_id: int) -> int:
    """Return the day of a snowflake: whole days since 2024-01-01 UTC."""
    return (time_ms(_checked(tweet_id)) - EPOCH_MS) // _DAY_MS


def home_row_key(user_id: int, tweet_id: int) -> bytes:
    """`{user:016x}#{~day:08x}`: a home timeline is one row a day, newest day first."""
    return f"{_checked(user_id):016x}#{home_day(tweet_id) ^ _DAY_MASK:08x}".encode()


def parse_home_row_key(key: bytes) -> tuple[int, int]:
    """Return (user id, day as of `home_day`); `ValueError` if this is no home row key."""
    user_id, inverted = _split(key, _ID_HEX_DIGITS, _DAY_HEX_DIGITS)
    return user_id, inverted ^ _DAY_MASK


def home_qualifier(tweet_id: int) -> bytes:
    """Encode ~id in 8 big-endian bytes: within a day's row the newest tweet comes first."""
    return (_checked(tweet_id) ^ _ID_MASK).to_bytes(_ID_BYTES, "big")


def parse_home_qualifier(qualifier: bytes) -> int:
    """Return the tweet id; `ValueError` if this is no home qualifier."""
    if len(qualifier) != _ID_BYTES:
        raise ValueError(f"home qualifier {qualifier!r} is not {_ID_BYTES} bytes long")
    return _checked(int.from_bytes(qualifier, "big") ^ _ID_MASK)


def home_range(user_id: int, before: int | None = None) -> tuple[KeyRange, bytes]:
    """Select home tweets with id < `before` (None: all): (rows, `columns_from` of the scan).

    One `columns_from` serves all rows, as every tweet of an older day has a greater qualifier.
    """
    whole = _prefix_range(user_id)
    if before is None:
        return whole, b""
    rows = KeyRange(home_row_key(user_id, before), whole.end)
    return rows, home_qualifier(before) + b"\x00"


def edge_row_key(owner_id: int, other_id: int) -> bytes:
    """`{owner:016x}#{other:016x}`.

    In the following table the owner follows the other; in the followers table it is followed.
    """
    return f"{_checked(owner_id):016x}#{_checked(other_id):016x}".encode()


def parse_edge_row_key(key: bytes) -> tuple[int, int]:
    """Return (owner id, other id); `ValueError` if this is no edge row key."""
    return _split(key, _ID_HEX_DIGITS, _ID_HEX_DIGITS)


def edge_range(owner_id: int, after: int | None = None) -> KeyRange:
    """Select the owner's edges whose other id > `after` (None: all), by rising other id."""
    whole = _prefix_range(owner_id)
    if after is None:
        return whole
    return KeyRange(edge_row_key(owner_id, after) + b"\x00", whole.end)


def home_list_key(user_id: int) -> bytes:
    """`home:{<user>}`: the hot list of a home timeline; the braces are a cluster hash tag."""
    return b"home:{%d}" % user_id


def author_list_key(author_id: int) -> bytes:
    """`author:{<author>}`: the hot list of an author's own tweets."""
    return b"author:{%d}" % author_id


def relations_key(viewer_id: int) -> bytes:
    """`rel:{<user>}`: whom a viewer follows and hides."""
    return b"rel:{%d}" % viewer_id


def nonce_key(nonce: str) -> bytes:
    """`nonce:{nonce}`: a request signed with this nonce has been taken."""
    return f"nonce:{nonce}".encode()


def tweet_cache_key(tweet_id: int) -> bytes:
    """`tweet:<id>`: one encoded tweet."""
    return b"tweet:%d" % tweet_id


def _checked(number: int) -> int:
    if not 0 <= number <= MAX_ID:
        raise ValueError(f"{number} is not an id: want 0 to 2**63 - 1")
    return number


def _prefix_range(owner_id: int) -> KeyRange:
    return _range(f"{_checked(owner_id):016x}")


def _range(prefix: str) -> KeyRange:
    return KeyRange((prefix + _SEPARATOR).encode(), (prefix + _AFTER_SEPARATOR).encode())


def _split(key: bytes, left_digits: int, right_digits: int) -> tuple[int, int]:
    left, separator, right = key.partition(_SEPARATOR.encode())
    if not separator:
        raise ValueError(f"{key!r} is not a row key of this kind")
    return _parse(left, left_digits), _parse(right, right_digits)


def _parse(key: bytes, digits: int) -> int:
    # `int` alone would take signs, blanks, underscores and capitals too.
    if len(key) != digits or key.strip(b"0123456789abcdef"):
        raise ValueError(f"{key!r} is not a row key of this kind")
    return int(key, 16)
