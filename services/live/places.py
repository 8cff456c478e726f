"""The bytes of a place in a stream, of which cursors are made."""

import struct
from itertools import chain
from typing import Final

from services.live.model import Place

__all__ = ["BadPlaceError", "decode_place", "encode_place"]

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BQB")
"""Version, floor, tweets that are entries by themselves; behind these, one by one, the others,
which retweets brought: entry and tweet."""
_ID: Final = struct.Struct(">Q")


class BadPlaceError(ValueError):
    """Bytes that are no place, or one of another version."""


def encode_place(place: Place) -> bytes:
    """Encode a place: of a window, it is short enough for a cursor."""
    own = [tweet_id for entry_id, tweet_id in place.sent if entry_id == tweet_id]
    brought = [ids for ids in place.sent if ids[0] != ids[1]]
    head = _HEAD.pack(_VERSION, place.floor, len(own))
    return head + b"".join(map(_ID.pack, chain(own, *brought)))


def decode_place(data: bytes) -> Place:
    """Read what `encode_place` made; raises `BadPlaceError` for anything else."""
    if len(data) < _HEAD.size or (len(data) - _HEAD.size) % _ID.size:
        raise BadPlaceError
    version, floor, count = _HEAD.unpack_from(data)
    ids = [one for (one,) in _ID.iter_unpack(data[_HEAD.size :])]
    brought = ids[count:]
    if version != _VERSION or count > len(ids) or len(brought) % 2:
        raise BadPlaceError
    own = [(one, one) for one in ids[:count]]
    pairs = list(zip(brought[::2], brought[1::2], strict=True))
    return Place(floor, sorted([*own, *pairs], reverse=True))
