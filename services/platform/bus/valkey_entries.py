"""What the entries of the Valkey bus say; one that cannot be read says so, and spoils no other.

For the fields see `services.platform.bus.valkey_scripts`.
"""

import json
from collections.abc import Mapping, Sequence

from services.platform.bus.port import DeadLetter, Message, Received

__all__ = ["dead_letter", "named", "received"]

MAX_COUNT = (1 << 31) - 1
"""Attempts and outages; far more than any message has, and what a metric can add up."""
MAX_MS = (1 << 53) - 1
"""Of a time: what Lua can count to."""

_parse = json.JSONDecoder().decode
"""`json.loads` looks at what it was given for longer than it takes to read attributes."""

_RAW = b"raw:"
"""Before each name of a field that is kept as it was."""


def named(fields: Sequence[bytes] | Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """Return an entry's fields by name: the server lists them, the client library may map them."""
    if isinstance(fields, Mapping):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True))


def received(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: int) -> Received:
    """Read an entry of a stream, delivered so often from it."""
    handle = entry_id.decode()
    try:
        return Received(
            _message(fields),
            handle,
            _number(fields, b"n", None, MAX_COUNT) + deliveries - 1,
            _number(fields, b"o", 0, MAX_COUNT),
            _number(fields, b"t", 0, MAX_MS) or int(entry_id.partition(b"-")[0]),
        )
    except ValueError as error:
        return Received(Message(b""), handle, deliveries, unreadable=f"unreadable: {error}")


def dead_letter(entry_id: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    """Read an entry of a stream of dead letters."""
    letter_id = entry_id.decode()
    reason = fields.get(b"r", b"").decode(errors="backslashreplace")
    raw = {name.removeprefix(_RAW): fields[name] for name in fields if name.startswith(_RAW)}
    if raw:
        return DeadLetter(letter_id, Message(b""), reason, raw)
    try:
        return DeadLetter(letter_id, _message(fields), reason)
    except ValueError as error:
        return DeadLetter(letter_id, Message(b""), reason or f"unreadable: {error}", fields)


def _message(fields: Mapping[bytes, bytes]) -> Message:
    try:
        attributes = _parse(fields[b"a"].decode())
        body = fields[b"d"]
    except KeyError as error:
        raise ValueError(f"there is no field {error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("the attributes are not JSON") from error
    if not isinstance(attributes, dict) or not all(map(_is_text, attributes.values())):
        raise ValueError("the attributes are not texts by name")
    return Message(body, attributes)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _number(fields: Mapping[bytes, bytes], name: bytes, default: int | None, most: int) -> int:
    text = fields.get(name) or b""
    if not text and default is not None:
        return default
    if text == b"1":
        return 1
    # `int` alone would take signs, blanks and underscores too.
    if not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        raise ValueError(f"the field {name!r} is no number")
    return int(text)
