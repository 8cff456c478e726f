"""The timeline's row keys and Valkey keys: built and parsed here and nowhere else."""

import struct
from collections.abc import Collection, Mapping, Sequence

from services.platform.ids.snowflake_time import EPOCH_MS, time_ms
from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    ID_MASK,
    KeyRange,
    checked_id,
    prefix_range,
    split_key,
)
from services.timeline.ages import DAY_MS

__all__ = [
    "author_list_key",
    "expired_homes",
    "home_cells",
    "home_day",
    "home_list_key",
    "home_qualifier",
    "home_range",
    "home_row_key",
    "parse_author_list_key",
    "parse_home_qualifier",
    "parse_home_qualifiers",
    "parse_home_row_key",
    "relations_key",
    "tweet_cache_key",
    "viewer_mark_key",
]

_DAY_MASK = (1 << 32) - 1
_DAY_HEX_DIGITS = 8
_ID_BYTES = 8


def home_day(tweet_id: int) -> int:
    """Return the day of a snowflake: whole days since 2024-01-01 UTC."""
    return (time_ms(checked_id(tweet_id)) - EPOCH_MS) // DAY_MS


def home_row_key(user_id: int, tweet_id: int) -> bytes:
    """`{user:016x}#{~day:08x}`: a home timeline is one row a day, newest day first."""
    return f"{checked_id(user_id):016x}#{home_day(tweet_id) ^ _DAY_MASK:08x}".encode()


def parse_home_row_key(key: bytes) -> tuple[int, int]:
    """Return (user id, day as of `home_day`); `ValueError` if this is no home row key."""
    user_id, inverted = split_key(key, ID_HEX_DIGITS, _DAY_HEX_DIGITS)
    return user_id, inverted ^ _DAY_MASK


def home_qualifier(tweet_id: int) -> bytes:
    """Encode ~id in 8 big-endian bytes: within a day's row the newest tweet comes first."""
    return (checked_id(tweet_id) ^ ID_MASK).to_bytes(_ID_BYTES, "big")


def parse_home_qualifier(qualifier: bytes) -> int:
    """Return the tweet id; `ValueError` if this is no home qualifier."""
    if len(qualifier) != _ID_BYTES:
        raise ValueError(f"home qualifier {qualifier!r} is not {_ID_BYTES} bytes long")
    return checked_id(int.from_bytes(qualifier, "big") ^ ID_MASK)


def parse_home_qualifiers(qualifiers: Collection[bytes]) -> list[int]:
    """Return the tweet ids of rising qualifiers, the newest first; `ValueError` if one is none.

    As `parse_home_qualifier` does, at a tenth of the cost.
    """
    joined = b"".join(qualifiers)
    if set(map(len, qualifiers)) - {_ID_BYTES}:
        raise ValueError(f"home qualifiers are not all {_ID_BYTES} bytes long")
    inverted = struct.unpack(f">{len(qualifiers)}Q", joined)
    if inverted:
        # They rise, so the first is the greatest id.
        checked_id(inverted[0] ^ ID_MASK)
    return [one ^ ID_MASK for one in inverted]


def home_cells(tweets: Mapping[int, Sequence[int]]) -> list[tuple[bytes, bytes]]:
    """Name the cells, (row key, qualifier), of tweets in the home timelines of many users.

    As `home_row_key` and `home_qualifier` do, with what they share worked out once.
    """
    if tweets:
        checked_id(min(tweets)), checked_id(max(tweets))
    names: dict[int, tuple[bytes, bytes]] = {}
    for tweet_id in frozenset[int]().union(*tweets.values()):
        _, _, day = home_row_key(0, tweet_id).partition(b"#")
        names[tweet_id] = day, home_qualifier(tweet_id)
    return [
        (b"%016x#%b" % (user_id, day), qualifier)
        for user_id, own in tweets.items()
        for day, qualifier in map(names.__getitem__, own)
    ]


def expired_homes(key: bytes, limit_ms: int) -> KeyRange:
    """Select those of a user's rows whose whole day is before `limit_ms`, Unix milliseconds.

    `key` is one of the user's rows; `ValueError` if it is none.
    """
    user_id, _ = parse_home_row_key(key)
    end = prefix_range(user_id).end
    newest_day = (limit_ms - EPOCH_MS) // DAY_MS - 1
    if newest_day < 0:
        return KeyRange(end, end)
    return KeyRange(f"{user_id:016x}#{newest_day ^ _DAY_MASK:08x}".encode(), end)


def home_range(user_id: int, before: int | None = None) -> tuple[KeyRange, bytes]:
    """Select home tweets with id < `before` (None: all): (rows, `columns_from` of the scan).

    One `columns_from` serves all rows, as every tweet of an older day has a greater qualifier.
    """
    whole = prefix_range(user_id)
    if before is None:
        return whole, b""
    rows = KeyRange(home_row_key(user_id, before), whole.end)
    return rows, home_qualifier(before) + b"\x00"


def home_list_key(user_id: int) -> bytes:
    """`home:{<user>}`: the hot list of a home timeline; the braces are a cluster hash tag."""
    return b"home:{%d}" % user_id


def author_list_key(author_id: int) -> bytes:
    """`author:{<author>}`: the hot list of an author's own tweets."""
    return b"author:{%d}" % author_id


def parse_author_list_key(key: bytes) -> int:
    """Return the author; `ValueError` if this is no key of an author's list."""
    name, _, author = key.removesuffix(b"}").partition(b"{")
    if name != b"author:":
        raise ValueError(f"{key!r} is no key of an author's list")
    return int(author)


def relations_key(viewer_id: int) -> bytes:
    """`rel:{<user>}`: whom a viewer follows and hides."""
    return b"rel:{%d}" % viewer_id


def viewer_mark_key(viewer_id: int) -> bytes:
    """`did:{<user>}`: under which mark a viewer's likes, retweets and bookmarks may be kept."""
    return b"did:{%d}" % viewer_id


def tweet_cache_key(tweet_id: int) -> bytes:
    """`tweet:<id>`: one encoded tweet."""
    return b"tweet:%d" % tweet_id
