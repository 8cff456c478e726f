"""Signed URLs of the bytes that this service's own listener takes and gives.

A signature covers what the URL is for, the picture and the time it ends, and is made with a key of
its own, derived from the one that signs cursors: it is rotated with that, and no signature of one
kind is good for another.
"""

import base64
import hashlib
import hmac
from typing import Final

from services.media.model import SignedUrl
from services.media.spec import UPLOADS_PATH, VARIANTS_PATH
from services.platform.config.secret_keys import SecretKeys
from services.platform.runtime.clock import Clock

__all__ = ["UPLOAD_S", "VARIANT_S", "UrlSigner", "variant_expiry_ms"]

UPLOAD_S: Final = 900
"""A quarter of an hour: for a client that asked to choose, and to try again."""
VARIANT_S: Final = 3_600
"""Whoever asks within one such span gets the same URL, good for as long again at the least."""

_PURPOSE: Final = b"media-url"
_MAC_BYTES: Final = 16
"""128 bits cannot be guessed."""
_MAX_TIME_DIGITS: Final = 12
_MS: Final = 1_000


def variant_expiry_ms(now_ms: int) -> int:
    """When a URL of a variant ends that is asked for now: one to two spans ahead."""
    span_ms = VARIANT_S * _MS
    return (now_ms // span_ms + 2) * span_ms


class UrlSigner:
    """Makes URLs below `origin` with the first of `keys`, and checks them by all."""

    def __init__(self, origin: str, keys: SecretKeys, clock: Clock) -> None:
        self._origin = origin
        self._keys = keys
        self._clock = clock

    def upload(self, media_id: int) -> SignedUrl:
        """Sign where its bytes are to be sent."""
        expires_ms = (self._clock.now_ms() // _MS + UPLOAD_S) * _MS
        return self._signed(f"{UPLOADS_PATH}{media_id}", expires_ms)

    def variant(self, media_id: int, variant: str) -> SignedUrl:
        """Sign where a variant is."""
        expires_ms = variant_expiry_ms(self._clock.now_ms())
        return self._signed(f"{VARIANTS_PATH}{media_id}/{variant}", expires_ms)

    def left_s(self, path: str, expires: str, signature: str) -> int:
        """Give the seconds until this URL ends; 0 for one that has ended, or was never made."""
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= _MAX_TIME_DIGITS):
            return 0
        made = (_mac(key, path, int(expires)) for key in self._keys())
        given = signature.encode("ascii", "replace")
        if not any(hmac.compare_digest(each, given) for each in made):
            return 0
        return max(0, int(expires) - self._clock.now_ms() // _MS)

    def _signed(self, path: str, expires_ms: int) -> SignedUrl:
        expires_s = expires_ms // _MS
        signature = _mac(self._keys()[0], path, expires_s).decode()
        url = f"{self._origin}{path}?expires={expires_s}&signature={signature}"
        return SignedUrl(url, expires_ms)


def _mac(key: bytes, path: str, expires_s: int) -> bytes:
    own = hashlib.blake2b(key, person=_PURPOSE).digest()
    said = f"{expires_s}\n{path}".encode()
    mac = hashlib.blake2b(said, key=own, digest_size=_MAC_BYTES).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=")
