"""The media service's row keys and the names of its files: built and parsed here alone."""

from typing import Final

from services.platform.ids.model import MAX_ID
from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    SHARD_HEX_DIGITS,
    KeyRange,
    checked_id,
    parse_hex,
    prefix_range,
    shard_of,
    split_key,
)

__all__ = [
    "UNSETTLED_SHARDS",
    "file_name",
    "files_prefix",
    "media_row_key",
    "owner_row_key",
    "parse_media_row_key",
    "parse_owner_row_key",
    "parse_quarantined_row_key",
    "parse_unsettled_row_key",
    "prefix_range",
    "quarantined_after",
    "quarantined_row_key",
    "unsettled_below",
    "unsettled_row_key",
]

MEDIA_SHARDS: Final = 64
"""Row-key prefixes: ids rise with time, and all new pictures would land on one tablet."""
UNSETTLED_SHARDS: Final = 16
"""As above, and few enough to be looked through together."""
FILE_SHARDS: Final = 256
"""Folders that files are spread over: a folder of millions is slow to read."""


def media_row_key(media_id: int) -> bytes:
    """`{shard:02x}#{media:016x}`."""
    return _sharded(media_id, MEDIA_SHARDS)


def parse_media_row_key(key: bytes) -> int:
    """Return the picture's id; `ValueError` if this is no such row key."""
    return _parse_sharded(key, MEDIA_SHARDS)


def owner_row_key(user_id: int, media_id: int) -> bytes:
    """`{owner:016x}#{media:016x}`: a user's pictures."""
    return f"{checked_id(user_id):016x}#{checked_id(media_id):016x}".encode()


def parse_owner_row_key(key: bytes) -> int:
    """Return the picture's id; `ValueError` if this is no such row key."""
    return split_key(key, ID_HEX_DIGITS, ID_HEX_DIGITS)[1]


def unsettled_row_key(media_id: int) -> bytes:
    """`{shard:02x}#{media:016x}`: in a shard, the oldest first."""
    return _sharded(media_id, UNSETTLED_SHARDS)


def parse_unsettled_row_key(key: bytes) -> int:
    """Return the picture's id; `ValueError` if this is no such row key."""
    return _parse_sharded(key, UNSETTLED_SHARDS)


def unsettled_below(shard: int, media_id: int) -> KeyRange:
    """Select what is unsettled in a shard, with id < `media_id`."""
    below = min(checked_id(media_id), MAX_ID)
    return KeyRange(f"{shard:02x}#".encode(), f"{shard:02x}#{below:016x}".encode())


def quarantined_row_key(media_id: int) -> bytes:
    """`{media:016x}`: few, and in order."""
    return f"{checked_id(media_id):016x}".encode()


def parse_quarantined_row_key(key: bytes) -> int:
    """Return the picture's id; `ValueError` if this is no such row key."""
    return parse_hex(key, ID_HEX_DIGITS)


def quarantined_after(media_id: int) -> KeyRange:
    """Select what is quarantined, with id > `media_id`."""
    return KeyRange(quarantined_row_key(media_id) + b"\x00", b"g")


def files_prefix(area: str, media_id: int) -> str:
    """`{area}/{shard:02x}/{media:016x}`: where a picture's files are, in a folder or bucket."""
    shard = shard_of(media_id, FILE_SHARDS)
    return f"{area}/{shard:02x}/{checked_id(media_id):016x}"


def file_name(area: str, media_id: int, variant: str) -> str:
    """`{area}/{shard:02x}/{media:016x}/{variant}`."""
    return f"{files_prefix(area, media_id)}/{variant}"


def _sharded(media_id: int, shards: int) -> bytes:
    return f"{shard_of(media_id, shards):02x}#{checked_id(media_id):016x}".encode()


def _parse_sharded(key: bytes, shards: int) -> int:
    shard, media_id = split_key(key, SHARD_HEX_DIGITS, ID_HEX_DIGITS)
    if shard != shard_of(media_id, shards):
        raise ValueError(f"the shard of row key {key!r} is not its picture's")
    return media_id
