"""HMAC signatures of requests, for calls that cross a proxy or a region.

mTLS vouches for the next hop; where that is a proxy, a signature vouches for the request itself. It
covers the method's path, the bytes of the request, the time, a nonce and the key's id, each on a
line of its own (the construction of AWS's Signature Version 4, without its derived keys, as these
are Aviary's alone). It travels as one header, `aviary-signature: v1 <key id> <time> <nonce> <mac>`.
"""

import hashlib
import hmac
import secrets
from typing import Final, Protocol

from services.platform.config.signing_keys import Keys, SigningKey
from services.platform.error_reasons import Reason
from services.platform.errors import PermissionDeniedError
from services.platform.runtime.clock import Clock

__all__ = ["SIGNATURE_KEY", "WINDOW_MS", "NonceStore", "Signer", "Verifier"]

SIGNATURE_KEY: Final = "aviary-signature"
"""The header."""

WINDOW_MS: Final = 60_000
"""How far the sender's clock and the way here may differ from ours. Machines with NTP differ by
milliseconds, and no call waits longer."""

NONCE_KEPT_MS: Final = 3 * WINDOW_MS
"""A request signed a window ahead of our clock is good for two windows; the third is for replicas
whose clocks differ."""

_VERSION = "v1"
_NONCE_BYTES = 16
_NONCE_DIGITS = 2 * _NONCE_BYTES
_MAC_DIGITS = 64
_WORDS = 5
_MAX_TIME_DIGITS = 15


class NonceStore(Protocol):
    """Remembers nonces, for all replicas of a service."""

    async def claim(self, nonce: str, keep_ms: int) -> bool:
        """Whether this is the first claim of `nonce` in `keep_ms`; of two at once, one is.

        Raises UnavailableError if that cannot be known.
        """
        ...


class Signer:
    """Signs what this process sends."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, path: str, body: bytes) -> str:
        """Return the header's value for one request; a second try needs its own."""
        key, at_ms = self._keys()[0], self._clock.now_ms()
        nonce = secrets.token_hex(_NONCE_BYTES)
        mac = _mac(key, path, body, str(at_ms), nonce)
        return f"{_VERSION} {key.key_id} {at_ms} {nonce} {mac}"


class Verifier:
    """Judges the signatures of what this process is sent."""

    def __init__(self, keys: Keys, nonces: NonceStore, clock: Clock) -> None:
        self._keys = keys
        self._nonces = nonces
        self._clock = clock

    async def verify(self, path: str, body: bytes, signature: str) -> None:
        """Return if the request is what a holder of a key sent, now, and has not come before.

        Raises PermissionDeniedError if not, UnavailableError if the nonce cannot be checked.
        """
        key_id, time, nonce, mac = _split(signature)
        key = next((key for key in self._keys() if key.key_id == key_id), None)
        if key is None:
            raise _denied(Reason.SIGNATURE_KEY_UNKNOWN, "the request is signed with an unknown key")
        if not hmac.compare_digest(_mac(key, path, body, time, nonce), mac):
            raise _denied(Reason.SIGNATURE_INVALID, "the signature is not of this request")
        # Only now are the time and the nonce anybody's word.
        age_ms = self._clock.now_ms() - int(time)
        if abs(age_ms) > WINDOW_MS:
            raise _denied(Reason.SIGNATURE_EXPIRED, "the request was signed too early or late")
        if not await self._nonces.claim(nonce, keep_ms=NONCE_KEPT_MS):
            raise _denied(Reason.SIGNATURE_REPLAYED, "the request has been received before")


def _split(signature: str) -> tuple[str, str, str, str]:
    """(key id, time, nonce, mac) in the one form that `sign` writes."""
    words = signature.split(" ")
    if len(words) == _WORDS and words[0] == _VERSION:
        _, key_id, time, nonce, mac = words
        # `isdecimal` takes other scripts' digits too, but a header is ASCII by then.
        fits = signature.isascii() and time.isdecimal() and len(time) <= _MAX_TIME_DIGITS
        if fits and len(nonce) == _NONCE_DIGITS and len(mac) == _MAC_DIGITS:
            return key_id, time, nonce, mac
    raise _denied(Reason.SIGNATURE_MALFORMED, "the signature is in no known form")


def _mac(key: SigningKey, path: str, body: bytes, time: str, nonce: str) -> str:
    digest = hashlib.sha256(body).hexdigest()
    text = f"{_VERSION}\n{key.key_id}\n{path}\n{digest}\n{time}\n{nonce}"
    return hmac.digest(key.secret, text.encode(), "sha256").hex()


def _denied(reason: Reason, sentence: str) -> PermissionDeniedError:
    return PermissionDeniedError(sentence, reason=reason)
