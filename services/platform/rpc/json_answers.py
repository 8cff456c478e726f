"""JSON as Envoy's transcoder makes it of messages, byte for byte: answers that it passes on as is.

Fields are in the order of the contract and under its names, 64-bit numbers are texts, times are
RFC 3339, and a field that has no `optional` is there with its default. Like the transcoder, and
unlike `google.protobuf.json_format`, it escapes what a page or a terminal could mistake.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

__all__ = ["JsonPieces", "http_body", "json_text", "json_writer"]

_SHORT: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}
_ESCAPED: Final = re.compile(
    r'[\x00-\x1f"\\<>\x7f-\x9f\xad\u0600-\u0603\u06dd\u070f\u17b4\u17b5\u200b-\u200f\u2028-\u202e'
    r"\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
    r"\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
"""What would end a text, a script or a line, or is not seen: as the transcoder has it."""
_PLANE_0: Final = 0x10000
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_LONG_BYTES: Final = 2_048
"""Longer messages are rare, and their JSON is made anew each time: kept, it could fill memory."""
_HTTP_BODY_HEAD: Final[bytes] = HttpBody(content_type="application/json").SerializeToString()
_DATA_TAG: Final = b"\x12"
"""Field 2, length-delimited: `bytes data = 2`."""
_VARINT_BITS: Final = 7
_VARINT_MORE: Final = 0x80

Write = Callable[[Any], str]


class JsonPieces:
    """The JSON of encoded messages of one kind, made once for as long as it is kept.

    Without its closing brace: every answer adds to what is kept, and closes it.
    """

    def __init__(self, message: type[Message], kept: int) -> None:
        """Keep `kept` of those that were used last, each of at most `_LONG_BYTES` encoded."""
        self._message = message
        self._write = json_writer(cast("Descriptor", message.DESCRIPTOR))
        self._kept = lru_cache(maxsize=kept)(self._made)

    def open_of(self, encoded: bytes) -> bytes:
        """Give it, in UTF-8. Raises `DecodeError` for what encodes no such message."""
        made: Callable[[bytes], bytes] = self._kept if self.keeps(encoded) else self._made
        return made(encoded)

    def keeps(self, encoded: bytes) -> bool:
        """Tell whether the JSON of this message may be kept, by its length."""
        return len(encoded) <= _LONG_BYTES

    def _made(self, encoded: bytes) -> bytes:
        return self._write(self._message.FromString(encoded)).encode()[:-1]


def http_body(json: bytes) -> bytes:
    """Encode a `google.api.HttpBody` of this JSON: the bytes that protobuf would make."""
    if not json:
        return _HTTP_BODY_HEAD
    length, rest = bytearray(), len(json)
    while rest >= _VARINT_MORE:
        length.append((rest & (_VARINT_MORE - 1)) | _VARINT_MORE)
        rest >>= _VARINT_BITS
    length.append(rest)
    return b"".join((_HTTP_BODY_HEAD, _DATA_TAG, length, json))


def json_text(text: str) -> str:
    """Write a text, within quotation marks."""
    return f'"{_ESCAPED.sub(_escaped, text)}"'


def json_writer(message: Descriptor) -> Write:
    """Make what writes messages of this kind.

    Raises TypeError for a kind with fields of types that no answer here has had yet.
    """
    fields = [(_key(field), field, _field_writer(field)) for field in message.fields]

    def write(value: Message) -> str:
        parts = [
            key + write_field(getattr(value, field.name))
            for key, field, write_field in fields
            if not field.has_presence or value.HasField(field.name)
        ]
        return "{" + ",".join(parts) + "}"

    return write


def _key(field: FieldDescriptor) -> str:
    return f"{json_text(field.name)}:"


def _field_writer(field: FieldDescriptor) -> Write:
    write = _value_writer(field)
    if not field.is_repeated:
        return write
    return lambda values: "[" + ",".join(map(write, values)) + "]"


def _value_writer(field: FieldDescriptor) -> Write:
    if field.type == FieldDescriptor.TYPE_INT64:
        return lambda number: f'"{number}"'
    if field.type == FieldDescriptor.TYPE_INT32:
        return str
    if field.type == FieldDescriptor.TYPE_STRING:
        return json_text
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda is_so: "true" if is_so else "false"
    message = field.message_type
    if message is not None and message.full_name == _TIMESTAMP:
        return lambda time: f'"{time.ToJsonString()}"'
    if message is not None and message.file.package.startswith("aviary."):
        return json_writer(message)
    raise TypeError(f"{field.full_name} is of a type that is not written as JSON here")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if short := _SHORT.get(character):
        return short
    point = ord(character)
    if point < _PLANE_0:
        return f"\\u{point:04x}"
    high, low = divmod(point - _PLANE_0, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
