"""A service made here at run time, so that the server's tests depend on none of Aviary's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer, Servicer

SERVICE = "probe.v1.ProbeService"

_METHODS = {
    "Read": (MethodOptions.NO_SIDE_EFFECTS, False),
    "Put": (MethodOptions.IDEMPOTENT, False),
    "Append": (MethodOptions.IDEMPOTENCY_UNKNOWN, False),
    "List": (MethodOptions.NO_SIDE_EFFECTS, True),
}


def _service() -> ServiceDescriptor:
    file = descriptor_pb2.FileDescriptorProto(
        name="probe/v1/probe.proto", package="probe.v1", syntax="proto3"
    )
    file.message_type.add(name="Text").field.add(
        name="text",
        number=1,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    service = file.service.add(name="ProbeService")
    for name, (level, streams) in _METHODS.items():
        service.method.add(
            name=name,
            input_type=".probe.v1.Text",
            output_type=".probe.v1.Text",
            server_streaming=streams,
            options=MethodOptions(idempotency_level=level),
        )
    pool = DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName(SERVICE)


PROBE = _service()
Text: Any = GetMessageClass(PROBE.methods[0].input_type)


class Probe:
    """Runs `on_call` for every unary RPC and counts them."""

    def __init__(self, on_call: Any) -> None:
        self.on_call = on_call
        self.calls = 0

    async def _handle(self, request: Any, context: Any) -> Any:
        self.calls += 1
        return await self.on_call(request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802 - an RPC's name
        return await self._handle(request, context)

    async def Put(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._handle(request, context)

    async def Append(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._handle(request, context)

    async def List(self, request: Any, context: Any) -> Any:  # noqa: N802
        for word in request.text.split():
            yield Text(text=word).SerializeToString()
        if not request.text:
            await self._handle(request, context)


class Stub:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        for name, (_, streams) in _METHODS.items():
            kind = channel.unary_stream if streams else channel.unary_unary
            method = kind(
                f"/{SERVICE}/{name}",
                request_serializer=Text.SerializeToString,
                response_deserializer=Text.FromString,
            )
            setattr(self, name, method)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@asynccontextmanager
async def serving(on_call: Any, **options: Any) -> AsyncIterator[tuple[Stub, Probe, RpcServer]]:
    """Serve a Probe on a free port and give a stub of it."""
    probe = Probe(on_call)
    server = RpcServer("127.0.0.1:0", [Servicer(PROBE, probe)], **options)
    await server.start()
    channel = open_channel(server.address, [PROBE])
    try:
        yield Stub(channel), probe, server
    finally:
        await channel.close()
        await server.stop(0)
