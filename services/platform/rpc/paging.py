"""Pages: how large, and cursors: opaque to clients, signed, good for one list of one user only."""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence

from services.platform.config.secret_keys import SecretKeys
from services.platform.errors import InvalidArgumentError

__all__ = ["DEFAULT_LIMIT", "MAX_PLACE_BYTES", "CursorCodec", "page_limit"]

DEFAULT_LIMIT = 50  # entries a page
MAX_LIMIT = 200  # entries a page; bounds the cost of one read

_VERSION, _RANGE_VERSION = 1, 2
_MAC_BYTES = 16
"""128 bits cannot be guessed, and a cursor stays at 34 characters, or 44 with a second id."""
_MIN_KEY_BYTES = 16
_PAYLOAD = struct.Struct(">BQ")
"""Version, last id."""
_RANGE = struct.Struct(">BQQ")
"""Version, last id, first id."""
_PAYLOAD_OF = {34: (_VERSION, _PAYLOAD), 44: (_RANGE_VERSION, _RANGE)}
"""By the characters of a cursor: base64, without padding, of payload and MAC, 25 or 33 bytes."""
_OWNER = struct.Struct(">Q")
_OF_PLACES = 3
"""The version of cursors that hold a place."""
MAX_PLACE_BYTES = 512
_MAX_PLACE_CHARACTERS = -(-(1 + MAX_PLACE_BYTES + _MAC_BYTES) * 4 // 3)


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

    def encode(self, kind: str, owner_id: int, last_id: int, first_id: int = 0) -> str:
        """Make the cursor of the page after `last_id`: url-safe base64 without padding.

        With `first_id`, if it is positive: another id that the next page is to know.
        """
        payload = _PAYLOAD.pack(_VERSION, last_id)
        if first_id:
            payload = _RANGE.pack(_RANGE_VERSION, last_id, first_id)
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
        if len(cursor) not in _PAYLOAD_OF:
            raise _invalid()
        token = _from_base64(cursor)
        wanted, form = _PAYLOAD_OF[len(cursor)]
        payload, mac = token[: form.size], token[form.size :]
        expected = (_mac(key, kind, owner_id, payload) for key in self._current())
        if not any(hmac.compare_digest(mac, each) for each in expected):
            raise _invalid()
        version, last_id, *first_id = form.unpack(payload)
        if version != wanted:
            raise _invalid()
        return int(last_id), int(first_id[0]) if first_id else 0

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
