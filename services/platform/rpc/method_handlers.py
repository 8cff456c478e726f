"""gRPC handlers built from a service descriptor, in place of the generated registration code.

The generated `add_..._to_server` fixes the serializer; ours lets encoded bytes through, so that a
hot read can answer with pieces that were serialized when they were written.
"""

import inspect
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from services.platform.errors import InvalidArgumentError
from services.platform.rpc.end_user import with_end_user
from services.platform.rpc.idempotency import with_request_id
from services.platform.rpc.interceptors import Answer, Context, Handler

__all__ = ["Servicer", "Unregistered", "Wrap", "generic_handler", "serialize", "unary_handler"]

Wrap = Callable[[MethodDescriptor, Handler], Handler]


@dataclass(frozen=True, slots=True)
class Servicer:
    """A service and the object that answers for it.

    `implementation` has, for each RPC, a method of the RPC's name: `async def Name(self, request,
    context)` that returns the response as a message or as its encoded bytes, or for a
    server-streaming RPC an async generator of them. `drain` ends streams that last, when the server
    is to stop; other calls end by themselves.
    """

    descriptor: ServiceDescriptor
    implementation: object
    drain: Callable[[], None] | None = None


class Unregistered:
    """A server to generated code that registers each method by name, as ours are not.

    gRPC waits for the next call of each registered method apart, and takes all these waits up
    anew at every call of any method: a microsecond for each.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, *_handlers: object) -> None:
        """Leave the methods to the handlers that look for them."""


def serialize(response: Message | bytes) -> bytes:
    """Encode a response; bytes are taken to be encoded already."""
    return response if isinstance(response, bytes) else response.SerializeToString()


def generic_handler(servicer: Servicer, wrap: Wrap) -> grpc.GenericRpcHandler:
    """Return the handlers of all of the service's RPCs, each wrapped by `wrap`.

    Raises TypeError, naming the RPC, if the implementation lacks one or has it in another form.
    """
    return grpc.method_handlers_generic_handler(
        servicer.descriptor.full_name,
        {
            method.name: _method_handler(servicer, method, wrap)
            for method in servicer.descriptor.methods
        },
    )


def _method_handler(
    servicer: Servicer, method: MethodDescriptor, wrap: Wrap
) -> "grpc.RpcMethodHandler[Any, Any]":
    if method.client_streaming:
        raise TypeError(f"{method.full_name} streams requests, which no handler here reads")
    function = getattr(servicer.implementation, method.name, None)
    if method.server_streaming:
        if not inspect.isasyncgenfunction(function):
            raise TypeError(f"{method.full_name} wants an async generator method, got {function}")
        return grpc.unary_stream_rpc_method_handler(
            wrap(method, _reading(method, _writing(function))), response_serializer=serialize
        )
    return grpc.unary_unary_rpc_method_handler(
        unary_handler(servicer, method, wrap), response_serializer=serialize
    )


def unary_handler(servicer: Servicer, method: MethodDescriptor, wrap: Wrap) -> Handler:
    """Return the handler of an RPC that streams nothing, of its encoded request.

    Raises TypeError if the implementation lacks it or has it in another form.
    """
    function = getattr(servicer.implementation, method.name, None)
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{method.full_name} wants an async method, got {function}")
    return wrap(method, _reading(method, function))


def _reading(method: MethodDescriptor, inner: Handler) -> Handler:
    """Decode the request inside the interceptors, which answer for one that cannot be decoded.

    gRPC itself would call that our fault, and show the client our insides.
    """
    decode = GetMessageClass(method.input_type).FromString
    # The end user first: who may not act learns nothing of what else is wrong.
    inner = with_end_user(method, with_request_id(method, inner))

    async def handle(request: bytes, context: Context) -> Answer:
        try:
            message = decode(request)
        except DecodeError as error:
            raise InvalidArgumentError("request", "cannot be decoded: not valid UTF-8?") from error
        return await inner(message, context)

    return handle


def _writing(stream: Callable[[Any, Context], Any]) -> Handler:
    """Turn a generator into a handler that writes, so that interceptors fit both forms."""

    async def handle(request: Message, context: Context) -> None:
        # Closed with the call, whatever ends it: what it holds is given back then.
        async with aclosing(stream(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return handle
