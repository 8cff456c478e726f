"""JSON Schemas of messages, as Envoy's transcoder reads and writes them.

What it writes: fields under their proto names, 64-bit numbers as strings, enums by name, every
field that has no `optional`, times in RFC 3339. What it reads is wider, so requests have schemas of
their own: a 64-bit number may be a JSON number too, and `null` stands for a field that is left out.
Other names the edge refuses before it.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from gateway.openapi.messages import Field, Message

__all__ = ["Json", "parameter_schema", "reference", "request_schema", "response_schema"]

Json = dict[str, Any]

POSITIVE = "^[1-9][0-9]{0,18}$"
INT64_MAX = (1 << 63) - 1
INT32_MAX = (1 << 31) - 1
TIMESTAMP = ".google.protobuf.Timestamp"
_INT64 = frozenset({FieldDescriptorProto.TYPE_INT64, FieldDescriptorProto.TYPE_UINT64})
_INT32 = frozenset({FieldDescriptorProto.TYPE_INT32, FieldDescriptorProto.TYPE_UINT32})
_SMALL: Mapping[int, str] = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "boolean",
}


def reference(full_name: str) -> Json:
    """Point to a message's schema."""
    return {"$ref": f"#/components/schemas/{full_name.rpartition('.')[2]}"}


def response_schema(message: Message) -> Json:
    """Return the schema of a message in an answer."""
    properties = {field.name: _described(field, _shown(field)) for field in message.fields}
    always = [field.name for field in message.fields if _is_always_there(field)]
    return _object(message, properties, always)


def request_schema(message: Message, fields: tuple[Field, ...]) -> Json:
    """Return the schema of a body that gives `fields` of a message."""
    properties = {field.name: _described(field, _given(field)) for field in fields}
    schema = _object(message, properties, [field.name for field in fields if field.required])
    return schema | {"additionalProperties": False}


def parameter_schema(field: Field, *, in_path: bool) -> Json:
    """Return the schema of a field in a path or query, where all is text."""
    kind = field.proto.type
    if kind in _INT64:
        digits = POSITIVE if in_path and field.limits.min > 0 else _digits(field)
        return {"type": "string", "format": "int64", "pattern": digits}
    return _listed(field, _scalar(field))


def _object(message: Message, properties: Json, required: list[str]) -> Json:
    schema: Json = {"type": "object", "description": message.comment, "properties": properties}
    if message.deprecated:
        schema["deprecated"] = True
    return schema | {"required": required} if required else schema


def _described(field: Field, schema: Json) -> Json:
    described = schema | {"description": field.comment}
    return described | ({"deprecated": True} if field.deprecated else {})


def _is_always_there(field: Field) -> bool:
    # A message is left out where nothing set it; every other field is shown with its default.
    is_message = field.proto.type == FieldDescriptorProto.TYPE_MESSAGE
    return not field.may_be_absent and (field.repeated or not is_message)


def _shown(field: Field) -> Json:
    if field.proto.type in _INT64:
        return _list_of(field, {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
    return _list_of(field, _scalar(field, limited=False))


def _given(field: Field) -> Json:
    schema = _listed(field, _int64_in_json(field) if field.proto.type in _INT64 else _scalar(field))
    return schema if field.required else schema | {"type": [*_types(schema), "null"]}


def _types(schema: Json) -> list[str]:
    return [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])


def _int64_in_json(field: Field) -> Json:
    # Each keyword is about one of the types only.
    return {
        "type": ["string", "integer"],
        "format": "int64",
        "pattern": _digits(field),
        "minimum": _least(field) if field.limits.HasField("min") else -INT64_MAX - 1,
        "maximum": INT64_MAX,
    }


def _least(field: Field) -> int:
    # 0 is the same as leaving it out, which only the end user may be.
    return 0 if field.names_end_user else field.limits.min


def _digits(field: Field) -> str:
    """Write the decimal digits of a 64-bit number that is as small as its limit allows."""
    if _least(field) > 0:
        return POSITIVE
    return "^(0|[1-9][0-9]{0,18})$"


def _scalar(field: Field, *, limited: bool = True) -> Json:
    kind = field.proto.type
    if kind == FieldDescriptorProto.TYPE_MESSAGE:
        if field.proto.type_name == TIMESTAMP:
            return {"type": "string", "format": "date-time"}
        return reference(field.proto.type_name)
    if kind in _INT32:
        schema: Json = {"type": "integer", "format": "int32"}
        limits = field.limits
        if limited:
            schema["minimum"] = limits.min if limits.HasField("min") else -INT32_MAX - 1
            schema["maximum"] = limits.max if limits.HasField("max") else INT32_MAX
        return schema
    if field.values:
        return {"type": "string", "enum": list(field.values)}
    schema = {"type": _SMALL[kind]}
    return schema | _text_limits(field) if limited else schema


def _text_limits(field: Field) -> Json:
    limits, schema = field.limits, Json()
    if limits.HasField("min_length"):
        schema["minLength"] = limits.min_length
    if limits.HasField("max_length"):
        schema["maxLength"] = limits.max_length
    if limits.pattern:
        schema["pattern"] = limits.pattern
    if limits.format:
        schema["format"] = limits.format
    return schema


def _listed(field: Field, item: Json) -> Json:
    schema = _list_of(field, item)
    if field.repeated and field.limits.HasField("min_items"):
        schema["minItems"] = field.limits.min_items
    if field.repeated and field.limits.HasField("max_items"):
        schema["maxItems"] = field.limits.max_items
    return schema


def _list_of(field: Field, item: Json) -> Json:
    return {"type": "array", "items": item} if field.repeated else item
