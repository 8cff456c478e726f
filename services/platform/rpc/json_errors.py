"""Errors of RPCs in JSON and with a status of HTTP, as Envoy's transcoder answers them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from services.platform.rpc.http_connection import Reply
from services.platform.rpc.http_statuses import HTTP_STATUS
from services.platform.rpc.json_answers import json_text

__all__ = ["error_reply"]

# Those that the edge's own answers have otherwise, or not at all.
_MORE: Final = {"CANCELLED": 499, "UNIMPLEMENTED": 501, "ABORTED": 409}
_STATUSES: Final[Mapping[int, int]] = {
    code.value[0]: status
    for code in grpc.StatusCode
    if (status := {**HTTP_STATUS, **_MORE}.get(code.name)) is not None
}
_OTHERWISE: Final = 500
_DETAILS: Final[tuple[type[Message], ...]] = (ErrorInfo, BadRequest, RetryInfo)


def error_reply(status: Status) -> Reply:
    """Answer a call that ended with this status, which is not OK."""
    details = ",".join(_detail(one) for one in status.details)
    message = json_text(status.message)
    body = f'{{"code":{status.code},"message":{message},"details":[{details}]}}'
    return Reply(_STATUSES.get(status.code, _OTHERWISE), body.encode())


def _detail(packed: Any) -> str:  # noqa: ANN401 - the generated Any hides typing's
    for kind in _DETAILS:
        found = kind()
        if packed.Unpack(found):
            return _object({"@type": json_text(packed.type_url), **_fields(found)})
    raise TypeError(f"{packed.type_url} is not written as JSON here")


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json_text(name)}:{value}" for name, value in members.items()) + "}"


def _fields(message: Message) -> dict[str, str]:
    return dict(_written(message))


def _written(message: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any message's attributes
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield field.name, _object({key: json_text(each) for key, each in value.items()})
        elif field.is_repeated:
            yield field.name, "[" + ",".join(_value(each) for each in value) + "]"
        elif not field.has_presence or message.HasField(field.name):
            yield field.name, _value(value)


def _value(value: str | Message) -> str:
    if isinstance(value, str):
        return json_text(value)
    if isinstance(value, Duration):
        return json_text(value.ToJsonString())
    return _object(_fields(value))
