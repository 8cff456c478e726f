"""The id service as a source of worker leases."""

import grpc.aio
from aviary.id.v1 import id_service_pb2, id_service_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.ids.model import Lease
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import time_given, to_timestamp

__all__ = ["LeaseClient"]


class LeaseClient:
    """A client of `aviary.id.v1.IdService`; a `LeaseSource`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = id_service_pb2_grpc.IdServiceStub(channel)

    async def acquire(self, owner: str, last_used_ms: int) -> Lease:
        """Lease a worker number from the id service."""
        request = id_service_pb2.LeaseWorkerRequest(
            owner=owner, last_used=_time(last_used_ms), last_used_ms=last_used_ms
        )
        return _lease((await self._rpc.call(self._stub.LeaseWorker, request)).lease)

    async def renew(self, worker: int, owner: str, last_used_ms: int) -> Lease:
        """Move the end of a lease; `FailedPreconditionError` where it was lost."""
        request = id_service_pb2.RenewLeaseRequest(
            worker=worker, owner=owner, last_used=_time(last_used_ms), last_used_ms=last_used_ms
        )
        return _lease((await self._rpc.call(self._stub.RenewLease, request)).lease)

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """Give a worker number back."""
        request = id_service_pb2.ReleaseLeaseRequest(
            worker=worker, owner=owner, last_used=_time(last_used_ms), last_used_ms=last_used_ms
        )
        await self._rpc.call(self._stub.ReleaseLease, request)


def _lease(lease: id_service_pb2.WorkerLease) -> Lease:
    return Lease(
        lease.worker, lease.owner, time_given(lease, "not_before"), time_given(lease, "expires_at")
    )


def _time(last_used_ms: int) -> Timestamp | None:
    return to_timestamp(last_used_ms) if last_used_ms else None
