"""The keys that requests are signed with: from a setting, or from a file that may change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.platform.files.watched_file import WatchedFile
from services.platform.observability.log_events import (
    EVENT_SIGNING_KEYS_FAILED,
    EVENT_SIGNING_KEYS_RELOADED,
)

__all__ = ["MIN_SECRET_BYTES", "Keys", "SigningKey", "key_file", "keys_from", "parse_keys"]

_log = structlog.get_logger()

MIN_SECRET_BYTES = 32
"""As long as the hash: a shorter key would be what one guesses (RFC 2104, section 3)."""

MAX_ID_CHARACTERS = 32
"""It travels with every request."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret that both sides know, and the name they call it by."""

    key_id: str
    secret: bytes = field(repr=False)


Keys = Callable[[], Sequence[SigningKey]]
"""The keys of the moment: the first signs, all verify. Never empty."""

Notify = Callable[[Sequence[SigningKey]], None]


def _nobody(_: Sequence[SigningKey]) -> None:
    """Notify nobody."""


def keys_from(
    keys: Sequence[SigningKey], path: Path | None, notify: Notify = _nobody
) -> Keys | None:
    """Return the keys given, or those of the file from now on; None where there is neither.

    `notify` is given those in use, now and whenever that changes.
    Raises ValueError or OSError if the file cannot be used now.
    """
    if path is not None:
        return key_file(path, notify)
    if not keys:
        return None
    notify(keys)
    return lambda: keys


def parse_keys(text: str) -> tuple[SigningKey, ...]:
    """Read `id:hex,id:hex`, lines and blanks allowed; raises ValueError, which quotes no secret."""
    keys = [_key(part.strip()) for part in text.replace("\n", ",").split(",") if part.strip()]
    if not keys:
        raise ValueError("no key")
    if len({key.key_id for key in keys}) < len(keys):
        raise ValueError("two keys of one id")
    return tuple(keys)


def _key(part: str) -> SigningKey:
    key_id, _, digits = part.partition(":")
    if not (0 < len(key_id) <= MAX_ID_CHARACTERS and key_id.isascii() and key_id.isalnum()):
        raise ValueError(f"a key id of other than 1 to {MAX_ID_CHARACTERS} letters and digits")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"a key of less than {MIN_SECRET_BYTES} bytes written as hex digits")
    return SigningKey(key_id, secret)


def key_file(path: Path, notify: Notify = _nobody) -> Keys:
    """Watch the file at `path`, as `keys_from` does."""

    def changed(keys: Sequence[SigningKey]) -> None:
        _log.info(EVENT_SIGNING_KEYS_RELOADED, key_ids=[key.key_id for key in keys])
        notify(keys)

    def failed(error: Exception) -> None:
        _log.warning(EVENT_SIGNING_KEYS_FAILED, error=str(error))

    keys = WatchedFile(path, parse_keys, changed=changed, failed=failed)
    notify(keys())
    return keys
