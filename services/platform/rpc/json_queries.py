"""Query parameters as Envoy's transcoder reads them: into the request of the RPC, or a refusal.

A number is in decimal digits, perhaps with a sign and zeros before; of parameters that are no good
the last one is shown; a plus is no blank. Texts are taken as they are: what is not UTF-8 is refused
where the request is decoded.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.platform.rpc.http_connection import Reply

__all__ = ["RequestError", "item_reader", "query_reader", "value_reader"]

_WHOLE: Final = re.compile(rb"[+-]?[0-9]+")
_BITS: Final = {FieldDescriptor.TYPE_INT64: 64, FieldDescriptor.TYPE_INT32: 32}
_TYPES: Final = {FieldDescriptor.TYPE_INT64: "TYPE_INT64", FieldDescriptor.TYPE_INT32: "TYPE_INT32"}
_MOST_DIGITS: Final = 400
"""Python refuses to read more than ten times as many; a longer number is out of range, unless all
but its end is zeros."""
# Of the encoding of messages: a field's tag is its number and how its value is written.
_VARINT, _LENGTH = 0, 2
_TAG_BITS, _GROUP_BITS = 3, 7
_MORE: Final = 1 << _GROUP_BITS
_UINT64: Final = (1 << 64) - 1
_INVALID_ARGUMENT: Final = 3
_BAD_REQUEST: Final = 400
# As Envoy writes its own replies: text that is UTF-8, and byte by byte what is not.
_SHORT: Final = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    **{ord(sign): f"\\{name}" for sign, name in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)},
}
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f-\xff]')

Read = Callable[[bytes], bytes]


class RequestError(Exception):
    """The query, or the body, is not of this RPC; `reply` says why."""

    def __init__(self, complaint: bytes) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.reply = Reply(_BAD_REQUEST, _complained(b"malformed request: " + complaint))


def query_reader(request: Descriptor) -> Callable[[bytes], bytes]:
    """Make what reads a query into the encoded request; it raises `RequestError`.

    Raises TypeError for a request with fields of types that no query here has had yet.
    """
    reads = {field.name.encode(): value_reader(field) for field in request.fields}
    names = ", ".join(field.name for field in request.fields) or "none"
    unknown = f"a query parameter is unknown, repeated, or belongs elsewhere; there may be: {names}"

    def read(query: bytes) -> bytes:
        given: dict[bytes, bytes] = {}
        wrong: RequestError | None = None
        for part in filter(None, query.split(b"&")):
            name, equals, value = part.partition(b"=")
            field = reads.get(name)
            if field is None or name in given or not equals:
                raise RequestError(unknown.encode())
            try:
                given[name] = field(unquote_to_bytes(value))
            except RequestError as error:
                given[name], wrong = b"", error
        if wrong is not None:
            raise wrong
        return b"".join(given.values())

    return read


def value_reader(field: FieldDescriptor) -> Read:
    """Make what encodes a field of a value in text; it raises `RequestError` for one of no use.

    Raises TypeError for a field of a type that no request here has had yet.
    """
    if field.is_repeated:
        raise TypeError(f"{field.full_name} is of a type that is not read here")
    return item_reader(field)


def item_reader(field: FieldDescriptor) -> Read:
    """`value_reader` of a field, or of one item of a repeated one."""
    if field.type == FieldDescriptor.TYPE_STRING:
        tag = _varint(field.number << _TAG_BITS | _LENGTH)
        return lambda value: tag + _varint(len(value)) + value
    if field.type in _BITS:
        return _number_reader(field)
    raise TypeError(f"{field.full_name} is of a type that is not read here")


def _number_reader(field: FieldDescriptor) -> Read:
    tag = _varint(field.number << _TAG_BITS | _VARINT)
    name, kind = field.name.encode(), _TYPES[field.type].encode()
    bound = 1 << (_BITS[field.type] - 1)

    def read(value: bytes) -> bytes:
        if _WHOLE.fullmatch(value):
            sign = b"-" if value.startswith(b"-") else b""
            digits = value.lstrip(b"+-").lstrip(b"0") or b"0"
            number = int(sign + digits) if len(digits) < _MOST_DIGITS else bound
            if -bound <= number < bound:
                return tag + _varint(number & _UINT64)
        raise RequestError(b'%s: invalid value "%s" for type %s' % (name, value, kind))

    return read


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _MORE:
        encoded.append(number & (_MORE - 1) | _MORE)
        number >>= _GROUP_BITS
    encoded.append(number)
    return bytes(encoded)


def _complained(message: bytes) -> bytes:
    """Write an error as the edge writes those that it finds itself."""
    try:
        message.decode()
    except UnicodeDecodeError:
        text = _ESCAPED.sub(lambda one: f"\\u{ord(one[0]):04x}", message.decode("latin-1"))
    else:
        text = message.decode().translate(_SHORT)
    return f'{{"code":{_INVALID_ARGUMENT},"details":[],"message":"{text}"}}\n'.encode()
