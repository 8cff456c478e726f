"""The notification service's row keys, columns and positions: built and parsed here alone."""

import struct
from typing import Final

from services.notification.model import Entry, GroupKey, Kind, day_of
from services.platform.ids.snowflake_time import TIME_SHIFT, first_id_at, time_ms
from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    ID_MASK,
    KeyRange,
    checked_id,
    parse_hex,
    prefix_range,
    shard_of,
    split_key,
)

__all__ = [
    "actor_of",
    "entry_column",
    "entry_of",
    "entry_range",
    "entry_row_key",
    "expired_entries",
    "group_position",
    "group_range",
    "group_row_key",
    "member_column",
    "parse_group_row_key",
    "reader_column",
    "reader_of",
    "told_row_key",
]

TWEET_SHARDS: Final = 64
"""Row-key prefixes of what is kept of tweets, or all that is new would land on one tablet."""

_DAY_MASK = (1 << 32) - 1
_DAY_HEX_DIGITS = 8
_ENTRY = struct.Struct(">QcQ")
_ID = struct.Struct(">Q")
_PLACES: Final = 1 << TIME_SHIFT
"""Positions within a millisecond."""
_NUMBERS: Final = {kind: number for number, kind in enumerate(Kind)}


def group_position(key: GroupKey, at_ms: int, serial: int) -> int:
    """Give a group's place among snowflakes of the time when it last grew.

    Below the millisecond it is scattered by what the group is about; and by `serial`, so that a
    group never comes back to a place that it has left.
    """
    place = shard_of(key.tweet_id ^ _NUMBERS[key.kind], _PLACES) + serial
    return first_id_at(at_ms) + place % _PLACES


def entry_row_key(user_id: int, position: int) -> bytes:
    """`{user:016x}#{~day:08x}`: what a reader is told is one row a day, newest day first."""
    return f"{checked_id(user_id):016x}#{day_of(time_ms(position)) ^ _DAY_MASK:08x}".encode()


def entry_column(entry: Entry) -> bytes:
    """`{~position}{kind}{tweet}`, 17 bytes: within a day the newest comes first."""
    return _ENTRY.pack(
        checked_id(entry.position) ^ ID_MASK, entry.kind.value.encode(), entry.tweet_id
    )


def entry_of(column: bytes, value: bytes) -> Entry:
    """Read a column of a reader's day, and who wrote the tweet; `ValueError` for another."""
    if len(column) != _ENTRY.size or len(value) not in {0, _ID.size}:
        raise ValueError(f"{column!r} is no column of notifications")
    inverted, kind, tweet_id = _ENTRY.unpack(column)
    author_id = int.from_bytes(value, "big")
    return Entry(checked_id(inverted ^ ID_MASK), Kind(kind.decode()), tweet_id, author_id)


def entry_range(user_id: int, before: int | None) -> tuple[KeyRange, bytes]:
    """Select entries with position < `before` (None: all): (rows, `columns_from` of the scan)."""
    whole = prefix_range(user_id)
    if before is None:
        return whole, b""
    # Of columns of this position none is as great as this one, and all older ones are greater.
    after_all = (checked_id(before) ^ ID_MASK) + 1
    return KeyRange(entry_row_key(user_id, before), whole.end), _ID.pack(after_all)


def expired_entries(key: bytes, limit_ms: int) -> KeyRange:
    """Select those of a reader's rows whose whole day is before `limit_ms`, Unix milliseconds.

    `key` is one of the reader's rows; `ValueError` if it is none.
    """
    user_id, _ = split_key(key, ID_HEX_DIGITS, _DAY_HEX_DIGITS)
    end = prefix_range(user_id).end
    newest_day = day_of(limit_ms) - 1
    if newest_day < 0:
        return KeyRange(end, end)
    return KeyRange(f"{user_id:016x}#{newest_day ^ _DAY_MASK:08x}".encode(), end)


def group_row_key(key: GroupKey) -> bytes:
    """`{user:016x}#{kind}#{tweet:016x}`: who did the same to a reader, and their days."""
    user, tweet = checked_id(key.user_id), checked_id(key.tweet_id)
    return f"{user:016x}#{key.kind.value}#{tweet:016x}".encode()


def parse_group_row_key(key: bytes) -> GroupKey:
    """Return the group; `ValueError` if this is no such row key."""
    user, kind, tweet = key.split(b"#")
    return GroupKey(
        parse_hex(user, ID_HEX_DIGITS), Kind(kind.decode()), parse_hex(tweet, ID_HEX_DIGITS)
    )


def group_range(user_id: int) -> KeyRange:
    """Select all of a reader's groups."""
    return prefix_range(user_id)


def member_column(actor_id: int) -> bytes:
    """Return the column of an actor in the row of a group: `a{actor}`."""
    return b"a" + _ID.pack(checked_id(actor_id))


def actor_of(column: bytes) -> int | None:
    """Return the actor of such a column; None for another column of the row."""
    if len(column) != 1 + _ID.size or not column.startswith(b"a"):
        return None
    return int.from_bytes(column[1:], "big")


def told_row_key(tweet_id: int) -> bytes:
    """`{shard:02x}#{tweet:016x}`: who is told of a tweet, a column for each reader."""
    return f"{shard_of(tweet_id, TWEET_SHARDS):02x}#{checked_id(tweet_id):016x}".encode()


def reader_column(user_id: int) -> bytes:
    """Return the column of a reader in the row of a tweet."""
    return _ID.pack(checked_id(user_id))


def reader_of(column: bytes) -> int:
    """Return the reader of such a column; `ValueError` for another."""
    if len(column) != _ID.size:
        raise ValueError(f"{column!r} is no column of a reader")
    return checked_id(int.from_bytes(column, "big"))
