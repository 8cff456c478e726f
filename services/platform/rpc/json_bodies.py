"""Bodies of JSON as the edge's filters and Envoy's transcoder read them: into the RPC's request.

What is not JSON by RFC 8259, a name that is unknown or there twice, however deep, and a value of a
wrong type are refused here and nowhere before (ADR 112). As the transcoder has it, a number may
stand in digits or as a number, `null` says nothing, and of values that are no good the last one is
shown, in its words.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.platform.rpc.json_queries import RequestError, item_reader

__all__ = ["body_reader"]

_NOT_JSON: Final = b"the body is not JSON as RFC 8259 has it"
_NO_MESSAGE: Final = b": Root element must be a message."
_NO_OBJECT: Final = b": invalid value Starting an object on a scalar field for type "
_NO_LIST: Final = b": Proto field is not repeating, cannot start list."
_SHOWN: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that an answer quotes."""
_TYPES: Final = {
    FieldDescriptor.TYPE_INT64: b"TYPE_INT64",
    FieldDescriptor.TYPE_INT32: b"TYPE_INT32",
    FieldDescriptor.TYPE_STRING: b"TYPE_STRING",
}
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
"""Of whole numbers; beyond, they are read as floating ones."""
_MOST_DIGITS: Final = len(str(_MOST)) + 1

_Read = Callable[[Any], bytes]


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Object(tuple[tuple[str, Any], ...]):
    """An object: names and values, in their order."""

    __slots__ = ()


def _no_json(_constant: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


def _finite(written: str) -> _Number:
    if math.isinf(float(written)):
        raise ValueError("a number is beyond what a float can be")
    return _Number(written)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Object, parse_int=_finite, parse_float=_finite, parse_constant=_no_json
)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_ESCAPED: Final = rb"\u"


def body_reader(request: Descriptor) -> Callable[[bytes], bytes]:
    """Make what reads a body into the encoded request; it raises `RequestError`.

    Raises TypeError for a request with fields of types that no body here has had yet.
    """
    fields = {
        field.name: (_list_reader if field.is_repeated else _reader)(field)
        for field in request.fields
    }

    def read(body: bytes) -> bytes:
        if not body:
            return b""
        try:
            value = _DECODER.decode(body.decode())
            if _ESCAPED in body:
                # Halves of surrogates, which nothing can encode, come in no other way.
                _ENCODER.encode(value).encode()
            if not isinstance(value, _Object):
                raise RequestError(_NO_MESSAGE)
            return _encoded(value, fields)
        except (ValueError, RecursionError) as error:
            # Among them what is no UTF-8.
            raise RequestError(_NOT_JSON) from error

    return read


def _encoded(given: _Object, fields: Mapping[str, _Read]) -> bytes:
    parts: dict[str, bytes] = {}
    wrong: RequestError | None = None
    for name, value in given:
        read = fields.get(name)
        if read is None:
            raise RequestError(b"unknown field" + _shown(name))
        if name in parts:
            raise _given_twice(name)
        _look_inside(value)
        try:
            parts[name] = b"" if value is None else read(value)
        except RequestError as error:
            parts[name], wrong = b"", error
    if wrong is not None:
        raise wrong
    return b"".join(parts.values())


def _look_inside(value: Any) -> None:  # noqa: ANN401 - what JSON may hold
    """Refuse names that are there twice in an object within; what else it holds is no good either.

    Raises `RequestError`.
    """
    if isinstance(value, _Object):
        names: set[str] = set()
        for name, inner in value:
            if name in names:
                raise _given_twice(name)
            names.add(name)
            _look_inside(inner)
    elif isinstance(value, list):
        for inner in value:
            _look_inside(inner)


def _given_twice(name: str) -> RequestError:
    return RequestError(b"field" + _shown(name) + b" is given twice")


def _shown(name: str) -> bytes:
    return f' "{name}"'.encode() if _SHOWN.fullmatch(name) else b""


def _list_reader(field: FieldDescriptor) -> _Read:
    """Read a list, or one item of it that stands by itself.

    As the transcoder has it, lists within it are parts of it, `null` is no item, and of items that
    are no good the last one is shown, by its number among those.
    """
    of_item, name = _reader(field), field.name.encode()

    def read(value: Any) -> bytes:  # noqa: ANN401 - what JSON may hold
        if not isinstance(value, list):
            return of_item(value)
        parts: list[bytes] = []
        wrong: list[RequestError] = []
        for item in _flat(value):
            try:
                parts.append(of_item(item))
            except RequestError as error:
                shown = error.complaint.removeprefix(name)
                of_value = len(shown) < len(error.complaint)
                at = b"%s[%d]" % (name, len(wrong)) if of_value else name
                wrong.append(RequestError(at + shown))
        if wrong:
            raise wrong[-1]
        return b"".join(parts)

    return read


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        elif value is not None:
            yield value


def _reader(field: FieldDescriptor) -> _Read:
    of_text, name, kind = item_reader(field), field.name.encode(), _TYPES[field.type]
    is_text = field.type == FieldDescriptor.TYPE_STRING

    def wrong(shown: str) -> RequestError:
        return RequestError(b"%s: invalid value %s for type %s" % (name, shown.encode(), kind))

    def read(value: Any) -> bytes:  # noqa: ANN401 - what JSON may hold
        if type(value) is str:
            return of_text(value.encode())
        if isinstance(value, _Number):
            number = _number(value)
            whole = _whole(number)
            if is_text or whole is None:
                raise wrong(_written(number))
            try:
                return of_text(b"%d" % whole)
            except RequestError as error:
                raise wrong(_written(number)) from error
        if isinstance(value, bool):
            raise wrong("true" if value else "false")
        if isinstance(value, _Object):
            raise RequestError(_NO_OBJECT + name)
        raise RequestError(_NO_LIST)

    return read


def _number(written: _Number) -> float:
    """Give a number as the transcoder keeps it."""
    if len(written) <= _MOST_DIGITS and written.lstrip("-").isdigit():
        whole = int(written)
        if _LEAST <= whole <= _MOST:
            return whole
    return float(written)


def _whole(number: float) -> int | None:
    if isinstance(number, int):
        return number
    return int(number) if number.is_integer() else None


def _written(number: float) -> str:
    """Write a number as the transcoder shows it."""
    if isinstance(number, int):
        return str(number)
    short = f"{number:.15g}"
    return short if float(short) == number else f"{number:.17g}"
