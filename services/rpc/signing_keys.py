"""The keys that requests are signed with: from a setting, or from a file that may change."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.telemetry import EVENT_SIGNING_KEYS_FAILED, EVENT_SIGNING_KEYS_RELOADED

__all__ = ["MIN_SECRET_BYTES", "Keys", "SigningKey", "key_file", "keys_from", "parse_keys"]

_log = structlog.get_logger()

MIN_SECRET_BYTES = 32
"""As long as the hash: a shorter key would be what one guesses (RFC 2104, section 3)."""

MAX_ID_CHARACTERS = 32
"""It travels with every request."""

LOOK_EVERY_S = 1.0
"""Between looks at the file: a `stat` for each request would cost as much as the signature."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret that both sides know, and the name they call it by."""

    key_id: str
    secret: bytes = field(repr=False)


Keys = Callable[[], Sequence[SigningKey]]
"""The keys of the moment: the first signs, all verify. Never empty."""

Told = Callable[[Sequence[SigningKey]], None]


def _nobody(_: Sequence[SigningKey]) -> None:
    """Tell it to nobody."""


def keys_from(keys: Sequence[SigningKey], path: Path | None, told: Told = _nobody) -> Keys | None:
    """Follow the file, or use the keys given; None where there is neither.

    `told` is given those in use, now and whenever that changes.
    Raises ValueError or OSError if the file is of no use now.
    """
    if path is not None:
        return key_file(path, told)
    if not keys:
        return None
    told(keys)
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


def key_file(path: Path, told: Told = _nobody) -> Keys:
    """Follow the file at `path`. Raises ValueError or OSError if it is of no use now."""
    stamp = _stamp(path)
    keys = parse_keys(path.read_text())
    look_at = time.monotonic() + LOOK_EVERY_S
    told(keys)

    def current() -> Sequence[SigningKey]:
        nonlocal stamp, keys, look_at
        now = time.monotonic()
        if now < look_at:
            return keys
        look_at = now + LOOK_EVERY_S
        try:
            seen = _stamp(path)
            if seen == stamp:
                return keys
            stamp = seen
            keys = parse_keys(path.read_text())
        except (OSError, ValueError) as error:
            _log.warning(EVENT_SIGNING_KEYS_FAILED, error=str(error))
        else:
            _log.info(EVENT_SIGNING_KEYS_RELOADED, key_ids=[key.key_id for key in keys])
            told(keys)
        return keys

    return current


def _stamp(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
