"""A graph service that changes nothing, for edges to ask."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from aviary.graph.v1 import graph_service_pb2 as pb
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from services.platform.composition.dependencies import service_of
from services.platform.rpc.method_handlers import Servicer

__all__ = ["Graph", "graph_servicer"]


class Graph:
    """Keeps what it was asked, and answers with nothing, or fails as a test wants it to."""

    def __init__(self) -> None:
        self.asked: Message | None = None
        """The last one."""
        self.got: list[Message] = []
        self.fails: Exception | None = None
        for method in service_of(pb.DESCRIPTOR).methods:
            made = self._stream if method.server_streaming else self._unary(method)
            setattr(self, method.name, made)

    def _unary(self, method: MethodDescriptor) -> Callable[..., Any]:
        answer = GetMessageClass(method.output_type)()

        async def handle(request: Message, context: Any) -> Message:  # noqa: ARG001
            self.asked = request
            self.got.append(request)
            if self.fails is not None:
                raise self.fails
            return answer

        return handle

    async def _stream(self, request: Message, context: Any) -> AsyncIterator[Message]:  # noqa: ARG002
        raise NotImplementedError
        yield request


def graph_servicer(graph: Graph | None = None) -> Servicer:
    """Make what serves it."""
    return Servicer(service_of(pb.DESCRIPTOR), graph or Graph())
