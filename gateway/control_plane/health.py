"""Readiness of the whole, for `GET /healthz`."""

import asyncio
from collections.abc import Mapping

import grpc
from aviary.gateway.v1 import health_service_pb2 as pb
from aviary.gateway.v1 import health_service_pb2_grpc as pb_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.errors import UnavailableError
from services.platform.rpc.server import READY

__all__ = ["HealthServicer"]

# A service that takes longer to say that it lives is of no use to a caller with a 10 s budget.
CHECK_TIMEOUT_S = 1.0


class HealthServicer(pb_grpc.HealthServiceServicer):
    """Asks the standard gRPC health check of every service whether it is ready, over its channel.

    A service that takes calls and is not ready (a loop of it hangs, it has no room to write) is
    still routed to, for what it can do, and named here.

    The channels are their opener's to close. Each should dial a service that was down again within
    about a second, as readiness should follow a restart.
    """

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._checks = {
            name: health_pb2_grpc.HealthStub(channel).Check
            for name, channel in sorted(channels.items())
        }

    async def GetHealth(  # noqa: N802 - the name of the RPC
        self,
        request: pb.GetHealthRequest,  # noqa: ARG002 - it has no fields
        context: grpc.aio.ServicerContext[pb.GetHealthRequest, pb.GetHealthResponse],  # noqa: ARG002 - the signature gRPC calls
    ) -> pb.GetHealthResponse:
        """Return if all are ready, or raise `UnavailableError` with the names that are not."""
        readiness = await asyncio.gather(*map(self._is_ready, self._checks))
        services = [
            pb.ServiceHealth(name=name, ready=ready)
            for name, ready in zip(self._checks, readiness, strict=True)
        ]
        missing = [service.name for service in services if not service.ready]
        if missing:
            raise UnavailableError(f"not ready: {', '.join(missing)}")
        return pb.GetHealthResponse(status="SERVING", services=services)

    async def _is_ready(self, name: str) -> bool:
        try:
            answer = await self._checks[name](
                health_pb2.HealthCheckRequest(service=READY), timeout=CHECK_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            # A process of a release before this name answers, and can say no more than that.
            return error.code() is grpc.StatusCode.NOT_FOUND
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
