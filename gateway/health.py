"""Readiness of the whole, for `GET /healthz`."""

import asyncio
from collections.abc import Mapping

import grpc
from aviary.gateway.v1 import health_service_pb2 as pb
from aviary.gateway.v1 import health_service_pb2_grpc as pb_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.errors import UnavailableError

__all__ = ["HealthServicer"]

# A service that takes longer to say that it lives is of no use to a caller with a 10 s budget.
CHECK_TIMEOUT_S = 1.0

# gRPC would wait up to two minutes before it dials a service again that was down; readiness
# should follow a restart within about a second.
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class HealthServicer(pb_grpc.HealthServiceServicer):
    """Asks the standard gRPC health check of every service in `addresses` (name to host:port)."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(sorted(addresses.items()))
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def GetHealth(  # noqa: N802 - the name of the RPC
        self,
        request: pb.GetHealthRequest,  # noqa: ARG002 - it has no fields
        context: grpc.aio.ServicerContext[pb.GetHealthRequest, pb.GetHealthResponse],  # noqa: ARG002 - the signature gRPC calls
    ) -> pb.GetHealthResponse:
        """Tell that all are ready, or raise `UnavailableError` with the names that are not."""
        readiness = await asyncio.gather(*map(self._is_ready, self._addresses))
        services = [
            pb.ServiceHealth(name=name, ready=ready)
            for name, ready in zip(self._addresses, readiness, strict=True)
        ]
        missing = [service.name for service in services if not service.ready]
        if missing:
            raise UnavailableError(f"not ready: {', '.join(missing)}")
        return pb.GetHealthResponse(status="SERVING", services=services)

    async def aclose(self) -> None:
        """Close the channels; no call may follow."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    async def _is_ready(self, name: str) -> bool:
        stub = health_pb2_grpc.HealthStub(self._channel(name))
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CHECK_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _channel(self, name: str) -> grpc.aio.Channel:
        # Made at the first call: a channel belongs to the running event loop.
        if name not in self._channels:
            self._channels[name] = grpc.aio.insecure_channel(
                self._addresses[name], options=CHANNEL_OPTIONS
            )
        return self._channels[name]
