"""The id service over gRPC: translates between messages and `IdService`."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, TypeAlias

from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1.id_service_pb2_grpc import IdServiceServicer
from grpc.aio import ServicerContext

from services.id.service import IdService
from services.platform.ids.model import Lease

__all__ = ["IdServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"


class IdServicer(IdServiceServicer):
    """`aviary.id.v1.IdService`. Domain errors pass through."""

    def __init__(self, service: IdService) -> None:
        self._service = service

    async def LeaseWorker(
        self, request: pb.LeaseWorkerRequest, context: _Context
    ) -> pb.LeaseWorkerResponse:
        """Lease a worker number."""
        lease = await self._service.lease_worker(request.owner, request.last_used_ms)
        return pb.LeaseWorkerResponse(lease=_to_proto(lease))

    async def RenewLease(
        self, request: pb.RenewLeaseRequest, context: _Context
    ) -> pb.RenewLeaseResponse:
        """Extend a lease."""
        lease = await self._service.renew(request.worker, request.owner, request.last_used_ms)
        return pb.RenewLeaseResponse(lease=_to_proto(lease))

    async def ReleaseLease(
        self, request: pb.ReleaseLeaseRequest, context: _Context
    ) -> pb.ReleaseLeaseResponse:
        """Take a lease back."""
        await self._service.release(request.worker, request.owner, request.last_used_ms)
        return pb.ReleaseLeaseResponse()

    async def GenerateIds(
        self, request: pb.GenerateIdsRequest, context: _Context
    ) -> pb.GenerateIdsResponse:
        """Make ids."""
        return pb.GenerateIdsResponse(ids=await self._service.generate(request.count))


def _to_proto(lease: Lease) -> pb.WorkerLease:
    return pb.WorkerLease(
        worker=lease.worker,
        owner=lease.owner,
        not_before_ms=lease.not_before_ms,
        expires_at_ms=lease.expires_at_ms,
    )
