"""Fields of messages in protobuf's wire format, as bytes that are joined."""

from typing import Final

__all__ = ["field_head"]

_VARINT_BITS: Final = 7
_VARINT_MORE: Final = 0x80
_LENGTH_DELIMITED: Final = 2
_TAG_BITS: Final = 3


def field_head(number: int, length: int) -> bytes:
    """Encode what goes before the content of a message or a text of `length` bytes."""
    return _varint(number << _TAG_BITS | _LENGTH_DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _VARINT_MORE:
        encoded.append((number & (_VARINT_MORE - 1)) | _VARINT_MORE)
        number >>= _VARINT_BITS
    encoded.append(number)
    return bytes(encoded)
