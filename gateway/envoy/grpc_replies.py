"""Errors that Envoy itself answers to clients of gRPC and gRPC-Web: a status, and no body.

Envoy would put the words for REST clients, a JSON object, into `grpc-message`; and to gRPC-Web it
would answer the HTTP status, from which clients guess another code.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from gateway.envoy.log_filters import BY_GRPC, all_of

__all__ = ["ToGrpc", "added", "grpc_reply"]

# Of HTTP; what went wrong is in `grpc-status`.
OK = 200
# Of ASCII, what goes into `grpc-message` as it is; by `%` Envoy knows what it is to put in.
PLAIN = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class ToGrpc(NamedTuple):
    """A google.rpc.Code and its message, in Envoy's format of headers, which can quote no body."""

    code: int
    message: str


def grpc_reply(
    condition: Mapping[str, Any], words: ToGrpc, headers: Mapping[str, str], retry_s: int | None
) -> dict[str, Any]:
    """Build the mapper that answers clients of gRPC where `condition` holds."""
    status = {
        "grpc-status": str(words.code),
        "grpc-message": quote(words.message, safe=PLAIN),
    }
    if retry_s is not None:
        status["grpc-status-details-bin"] = _details(words, retry_s)
    return {
        "filter": all_of(condition, BY_GRPC),
        "status_code": OK,
        "body_format_override": {"text_format_source": {"inline_string": ""}},
        "headers_to_add": added({**headers, **status}),
    }


def added(headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Set these headers of an answer."""
    return [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in headers.items()
    ]


def _details(words: ToGrpc, retry_s: int) -> str:
    """Encode a google.rpc.Status that says when to try again."""
    retry = RetryInfo()
    retry.retry_delay.seconds = retry_s
    detail = AnyMessage()
    detail.Pack(retry)
    status = Status(code=words.code, message=words.message, details=[detail])
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode()
