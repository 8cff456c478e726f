"""The id service over gRPC: translates between messages and `IdService`."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, TypeAlias

from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1.id_service_pb2_grpc import IdServiceServicer
from google.protobuf.message import Message
from grpc.aio import ServicerContext

from services.id.service import IdService
from services.platform.errors import InvalidArgumentError
from services.platform.ids.model import Lease
from services.platform.rpc.timestamps import time_given, to_timestamp

__all__ = ["IdServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"

LAST_USED = "last_used"


class IdServicer(IdServiceServicer):
    """`aviary.id.v1.IdService`. Domain errors pass through."""

    def __init__(self, service: IdService) -> None:
        self._service = service

    async def LeaseWorker(
        self, request: pb.LeaseWorkerRequest, context: _Context
    ) -> pb.LeaseWorkerResponse:
        """Lease a worker number."""
        lease = await self._service.lease_worker(request.owner, _last_used_ms(request))
        return pb.LeaseWorkerResponse(lease=_to_proto(lease))

    async def RenewLease(
        self, request: pb.RenewLeaseRequest, context: _Context
    ) -> pb.RenewLeaseResponse:
        """Extend a lease."""
        lease = await self._service.renew(request.worker, request.owner, _last_used_ms(request))
        return pb.RenewLeaseResponse(lease=_to_proto(lease))

    async def ReleaseLease(
        self, request: pb.ReleaseLeaseRequest, context: _Context
    ) -> pb.ReleaseLeaseResponse:
        """Take a lease back."""
        await self._service.release(request.worker, request.owner, _last_used_ms(request))
        return pb.ReleaseLeaseResponse()

    async def GenerateIds(
        self, request: pb.GenerateIdsRequest, context: _Context
    ) -> pb.GenerateIdsResponse:
        """Make ids."""
        return pb.GenerateIdsResponse(ids=await self._service.generate(request.count))


def _last_used_ms(request: Message) -> int:
    try:
        return time_given(request, LAST_USED)
    except ValueError as error:
        raise InvalidArgumentError(LAST_USED, "is no time") from error


def _to_proto(lease: Lease) -> pb.WorkerLease:
    return pb.WorkerLease(
        worker=lease.worker,
        owner=lease.owner,
        not_before=to_timestamp(lease.not_before_ms),
        expires_at=to_timestamp(lease.expires_at_ms),
        not_before_ms=lease.not_before_ms,
        expires_at_ms=lease.expires_at_ms,
    )
