"""Pages: how large, and cursors: opaque to clients, signed, good for one list of one user only."""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.platform.config.secret_keys import SecretKeys
from services.platform.errors import InvalidArgumentError

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "MAX_PLACE_BYTES", "CursorCodec", "Position", "page_limit"]

DEFAULT_LIMIT = 50  # entries a page
MAX_LIMIT = 200  # entries a page; bounds the cost of one read

_VERSION, _RANGE_VERSION = 1, 2
_NEWER_VERSION, _NEWER_RANGE_VERSION = 4, 5
"""Of cursors that go on to what is newer, else of the same forms."""
_MAC_BYTES = 16
"""128 bits cannot be guessed, and a cursor stays at 34 characters, or 44 with a second id."""
_MIN_KEY_BYTES = 16
_PAYLOAD = struct.Struct(">BQ")
"""Version, last id."""
_RANGE = struct.Struct(">BQQ")
"""Version, last id, first id."""
_PAYLOAD_OF = {
    34: (_VERSION, _NEWER_VERSION, _PAYLOAD),
    44: (_RANGE_VERSION, _NEWER_RANGE_VERSION, _RANGE),
}
"""By the characters of a cursor: base64, without padding, of payload and MAC, 25 or 33 bytes."""
_OWNER = struct.Struct(">Q")
_OF_PLACES = 3
"""The version of cursors that hold a place."""
MAX_PLACE_BYTES = 512
_MAX_PLACE_CHARACTERS = -(-(1 + MAX_PLACE_BYTES + _MAC_BYTES) * 4 // 3)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a list a page begins; the default is the beginning of the list."""

    below: int | None = None
    """Of ids below this one, the greatest; None: of all."""
    above: int | None = None
    """Of ids above this one, those next to it; one of the two is None."""
    first_id: int = 0
    """What `encode` took as that."""


_NEWEST: Final = Position()


class CursorCodec:
    """Makes cursors with the first of `keys`, each of at least 16 bytes, and checks them by all.

    A cursor holds the last id of a page, and perhaps a first one from which on its list was read.
    What list it belongs to (`kind`, `owner_id`) is not in it but under its signature, so a cursor
    of another list does not verify.
    """

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys
        self._known: Sequence[bytes] = ()
        self._derived: Sequence[bytes] = ()
        self._current()

    def encode(
        self, kind: str, owner_id: int, last_id: int, first_id: int = 0, *, newer: bool = False
    ) -> str:
        """Make the cursor of the page after `last_id`: url-safe base64 without padding.

        With `first_id`, if it is positive: another id that the next page is to know. With `newer`
        it is of the page before, whose ids are greater, and `decode_position` alone takes it.
        """
        if first_id:
            version = _NEWER_RANGE_VERSION if newer else _RANGE_VERSION
            payload = _RANGE.pack(version, last_id, first_id)
        else:
            payload = _PAYLOAD.pack(_NEWER_VERSION if newer else _VERSION, last_id)
        token = payload + _mac(self._current()[0], kind, owner_id, payload)
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode()

    def decode(self, cursor: str, kind: str, owner_id: int) -> int:
        """Return the last id in a cursor of this list.

        Raises `InvalidArgumentError` of field `cursor` for anything that `encode` did not make
        with one of these keys, this kind and owner.
        """
        return self.decode_range(cursor, kind, owner_id)[0]

    def decode_range(self, cursor: str, kind: str, owner_id: int) -> tuple[int, int]:
        """Return (the last id, the first id or 0), with the errors of `decode`."""
        newer, last_id, first_id = self._decoded(cursor, kind, owner_id)
        if newer:
            raise _invalid()
        return last_id, first_id

    def decode_position(self, cursor: str, kind: str, owner_id: int) -> Position:
        """Return where a cursor of either direction goes on, with the errors of `decode`."""
        newer, last_id, first_id = self._decoded(cursor, kind, owner_id)
        if newer:
            return Position(above=last_id, first_id=first_id)
        return Position(below=last_id, first_id=first_id)

    def position(self, cursor: str, kind: str, owner_id: int) -> Position:
        """Return where a request goes on: for an empty cursor at the beginning of the list.

        So does one of an owner who is not positive, whom the use case refuses with a better
        message. Else as `decode_position`.
        """
        if not cursor or owner_id <= 0:
            return _NEWEST
        return self.decode_position(cursor, kind, owner_id)

    def _decoded(self, cursor: str, kind: str, owner_id: int) -> tuple[bool, int, int]:
        """Return (whether it goes on to newer ids, the last id, the first id or 0)."""
        if len(cursor) not in _PAYLOAD_OF:
            raise _invalid()
        token = _from_base64(cursor)
        older, newer, form = _PAYLOAD_OF[len(cursor)]
        payload, mac = token[: form.size], token[form.size :]
        expected = (_mac(key, kind, owner_id, payload) for key in self._current())
        if not any(hmac.compare_digest(mac, each) for each in expected):
            raise _invalid()
        version, last_id, *first_id = form.unpack(payload)
        if version not in {older, newer}:
            raise _invalid()
        return version == newer, int(last_id), int(first_id[0]) if first_id else 0

    def encode_place(self, kind: str, place: bytes) -> str:
        """Make the cursor of the page after a place that is no id, of 1 to `MAX_PLACE_BYTES`.

        `kind` says all of what list it is.
        """
        payload = bytes([_OF_PLACES]) + place
        token = payload + _mac_of_place(self._current()[0], kind, payload)
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode()

    def decode_place(self, cursor: str, kind: str) -> bytes:
        """Return the place in a cursor of this list.

        Raises `InvalidArgumentError` of field `cursor` for anything that `encode_place` did not
        make with one of these keys and this kind.
        """
        if len(cursor) > _MAX_PLACE_CHARACTERS:
            raise _invalid()
        token = _from_base64(cursor)
        payload, mac = token[:-_MAC_BYTES], token[-_MAC_BYTES:]
        expected = (_mac_of_place(key, kind, payload) for key in self._current())
        if payload[:1] != bytes([_OF_PLACES]) or not any(
            hmac.compare_digest(mac, each) for each in expected
        ):
            raise _invalid()
        return payload[1:]

    def _current(self) -> Sequence[bytes]:
        keys = self._keys()
        if keys is not self._known:
            short = min(map(len, keys))
            if short < _MIN_KEY_BYTES:
                raise ValueError(f"a cursor key wants at least {_MIN_KEY_BYTES} bytes, got {short}")
            # BLAKE2 takes at most 64 bytes.
            self._derived = [hashlib.blake2b(key).digest() for key in keys]
            self._known = keys
        return self._derived


def _mac(key: bytes, kind: str, owner_id: int, payload: bytes) -> bytes:
    # The owner has a fixed width, and the payload one that its first byte says, so no other (kind,
    # owner) gives the same bytes.
    signed = _OWNER.pack(owner_id) + payload + kind.encode()
    # Keyed BLAKE2 is a MAC (RFC 7693), and costs a tenth of HMAC-SHA256 here.
    return hashlib.blake2b(signed, key=key, digest_size=_MAC_BYTES).digest()


def _mac_of_place(key: bytes, kind: str, payload: bytes) -> bytes:
    # With its length, so that no other (kind, place) gives the same bytes; and a payload of ids
    # begins with another number than one of places.
    signed = _OWNER.pack(len(payload)) + payload + kind.encode()
    return hashlib.blake2b(signed, key=key, digest_size=_MAC_BYTES).digest()


def page_limit(limit: int) -> int:
    """Apply the default and the bounds of `limit`."""
    if limit == 0:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidArgumentError("limit", f"must be 1 to {MAX_LIMIT}, got {limit}")
    return limit


def _from_base64(cursor: str) -> bytes:
    try:
        token = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    # The last character carries unused bits: one cursor has one spelling.
    if base64.urlsafe_b64encode(token).rstrip(b"=") != cursor.encode():
        raise _invalid()
    return token


def _invalid() -> InvalidArgumentError:
    return InvalidArgumentError("cursor", "is not a cursor that this list gave")
