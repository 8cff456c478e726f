"""RPCs that are asked in HTTP/1.1, at the paths of REST that clients know, and answer in JSON.

A request passes the same interceptors as by gRPC, and gets the same answers, errors and all, as if
Envoy's transcoder had translated it: only that nobody translates.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc.aio
from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status

from services.platform.rpc.created import CREATED_STATUS
from services.platform.rpc.http_call import HttpCall
from services.platform.rpc.http_connection import Reply, Request
from services.platform.rpc.interceptors import Answer, Context, Handler
from services.platform.rpc.json_answers import json_writer
from services.platform.rpc.json_bodies import body_reader
from services.platform.rpc.json_errors import error_reply
from services.platform.rpc.json_queries import RequestError, query_reader
from services.platform.rpc.method_handlers import Servicer, Wrap, serialize, unary_handler
from services.platform.rpc.status import DETAILS_KEY
from services.platform.security.identities import EDGE, spiffe_id

__all__ = ["JsonCalls"]

_OK: Final = 200
_NO_SUCH_PATH: Final = Reply(404, headers=())
_READING: Final = ("GET", "HEAD")
_WRITING: Final = ("POST",)
_JSON: Final = (("content-type", "application/json"),)

_Read = Callable[[bytes, bytes], bytes]
"""Of a query and a body, the encoded request; raises `RequestError`."""
_Write = Callable[[Any], bytes]
"""Of an answer, its JSON."""


class JsonCalls:
    """Answers requests at the paths of RPCs of `servicers` that are `json_of` or `over_http`."""

    def __init__(self, servicers: Iterable[Servicer], wrap: Wrap, *, named: bool) -> None:
        """With `named`, every connection is known to be the edge's."""
        self._spiffe_id = spiffe_id(EDGE) if named else None
        self._calls: Mapping[bytes, _Call] = {
            served.path.encode(): _Call(served, unary_handler(servicer, method, wrap))
            for servicer in servicers
            for method in servicer.descriptor.methods
            if (served := _served(method)) is not None
        }

    async def answer(self, request: Request) -> Reply:
        """Answer one request; raises nothing but what cancels it."""
        path, _, query = request.target.partition(b"?")
        call = self._calls.get(path)
        if call is None:
            return _NO_SUCH_PATH
        if request.method not in call.verbs:
            return call.no_such_method
        context = HttpCall(request.headers, request.peername, self._spiffe_id)
        return await call(query, request.body, context)


@dataclass(frozen=True, slots=True)
class _Served:
    """How an RPC is asked, and what is made of requests and answers."""

    path: str
    verbs: tuple[str, ...]
    read: _Read
    write: _Write
    status: int = _OK
    """Of an answer that is no error."""


class _Call:
    """One RPC."""

    def __init__(self, served: _Served, handler: Handler) -> None:
        self.verbs = frozenset(verb.encode() for verb in served.verbs)
        self.no_such_method = Reply(405, headers=(("allow", ", ".join(served.verbs)),))
        self._read = served.read
        self._write = served.write
        self._status = served.status
        self._handler = handler

    async def __call__(self, query: bytes, body: bytes, call: HttpCall) -> Reply:
        try:
            request = self._read(query, body)
        except RequestError as error:
            return error.reply
        try:
            answer: Any = await self._handler(request, cast("Context", call))
        except grpc.aio.AbortError:
            return error_reply(_status(call))
        return Reply(self._status, self._write(answer), (*_JSON, *call.headers))


def _served(method: MethodDescriptor) -> _Served | None:
    options = method.GetOptions()
    http = options.Extensions[annotations_pb2.http]
    if options.Extensions[access_pb2.json_of] and http.get:
        of_query = query_reader(method.input_type)
        return _Served(http.get, _READING, lambda query, _: of_query(query), _spliced)
    if options.Extensions[access_pb2.over_http]:
        read, write = _from_body(method.input_type), _as_json(method.output_type)
        status = CREATED_STATUS if options.Extensions[access_pb2.creates] else _OK
        return _Served(http.post, _WRITING, read, write, status)
    return None


def _from_body(message: Descriptor) -> _Read:
    of_body, of_query = body_reader(message), query_reader(Empty.DESCRIPTOR)

    def read(query: bytes, body: bytes) -> bytes:
        of_query(query)
        return of_body(body)

    return read


def _spliced(answer: Message | bytes) -> bytes:
    data: bytes = HttpBody.FromString(serialize(answer)).data
    return data


def _as_json(message: Descriptor) -> _Write:
    write = json_writer(message)
    decode = GetMessageClass(message).FromString

    def written(answer: Answer) -> bytes:
        return write(decode(answer) if isinstance(answer, bytes) else answer).encode()

    return written


def _status(call: HttpCall) -> Status:
    for key, value in call.trailing:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return Status.FromString(value)
    raise AssertionError("the interceptors give every error its details")
