"""RPCs that answer in JSON, served over HTTP/1.1 at the paths that clients know.

A request passes the same interceptors as by gRPC, and gets the same answers, errors and all, as if
Envoy's transcoder had translated it: only that nobody translates.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import grpc.aio
from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import MethodDescriptor
from google.rpc.status_pb2 import Status

from services.platform.rpc.http_call import HttpCall
from services.platform.rpc.http_connection import Reply, Request
from services.platform.rpc.interceptors import Context, Handler
from services.platform.rpc.json_errors import error_reply
from services.platform.rpc.json_queries import QueryError, query_reader
from services.platform.rpc.method_handlers import Servicer, Wrap, serialize, unary_handler
from services.platform.rpc.status import DETAILS_KEY
from services.platform.security.identities import EDGE, spiffe_id

__all__ = ["HEALTH_PATH", "JsonReads"]

HEALTH_PATH: Final = b"/healthz"
_NO_SUCH_PATH: Final = Reply(404, headers=())
_NO_SUCH_METHOD: Final = Reply(405, headers=(("allow", "GET, HEAD"),))
_JSON: Final = (("content-type", "application/json"),)
_HEALTHY: Final = Reply(200, headers=())


class JsonReads:
    """Answers requests at the paths of the RPCs of `servicers` that are `json_of` another."""

    def __init__(self, servicers: Iterable[Servicer], wrap: Wrap, *, named: bool) -> None:
        """With `named`, every connection is known to be the edge's."""
        self._spiffe_id = spiffe_id(EDGE) if named else None
        self._reads: Mapping[bytes, _Read] = {
            path.encode(): _Read(method, unary_handler(servicer, method, wrap))
            for servicer in servicers
            for method in servicer.descriptor.methods
            if (path := _path(method)) is not None
        }

    async def answer(self, request: Request) -> Reply:
        """Answer one request; raises nothing but what cancels it."""
        path, _, query = request.target.partition(b"?")
        if request.method not in {b"GET", b"HEAD"}:
            return _NO_SUCH_METHOD
        read = self._reads.get(path)
        if read is None:
            return _HEALTHY if path == HEALTH_PATH else _NO_SUCH_PATH
        return await read(query, HttpCall(request.headers, request.peername, self._spiffe_id))


class _Read:
    """One RPC."""

    def __init__(self, method: MethodDescriptor, handler: Handler) -> None:
        self._request = query_reader(method.input_type)
        self._handler = handler

    async def __call__(self, query: bytes, call: HttpCall) -> Reply:
        try:
            request = self._request(query)
        except QueryError as error:
            return error.reply
        try:
            answer: Any = await self._handler(request, cast("Context", call))
        except grpc.aio.AbortError:
            return error_reply(_status(call))
        data = HttpBody.FromString(serialize(answer)).data
        return Reply(200, data, (*_JSON, *call.headers))


def _path(method: MethodDescriptor) -> str | None:
    options = method.GetOptions()
    if not options.Extensions[access_pb2.json_of]:
        return None
    return options.Extensions[annotations_pb2.http].get or None


def _status(call: HttpCall) -> Status:
    for key, value in call.trailing:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return Status.FromString(value)
    raise AssertionError("the interceptors give every error its details")
