"""The id service as a source of worker leases."""

from typing import TYPE_CHECKING

from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1.id_service_pb2_grpc import IdServiceStub
from grpc.aio import Channel

from services.id.model import Lease
from services.peers import CALL_TIMEOUT_S, peer_errors

if TYPE_CHECKING:
    from aviary.id.v1.id_service_pb2_grpc import IdServiceAsyncStub

__all__ = ["PeerLeaseSource"]


class PeerLeaseSource:
    """A `LeaseSource` asked of `aviary.id.v1.IdService`; one try per call."""

    def __init__(self, channel: Channel, *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._stub: IdServiceAsyncStub = IdServiceStub(channel)
        self._timeout_s = timeout_s

    async def acquire(self, owner: str) -> Lease:
        """See `LeaseSource.acquire`."""
        request = pb.LeaseWorkerRequest(owner=owner)
        with peer_errors("id"):
            response = await self._stub.LeaseWorker(request, timeout=self._timeout_s)
        return _to_lease(response.lease)

    async def renew(self, worker: int, owner: str) -> Lease:
        """See `LeaseSource.renew`."""
        request = pb.RenewLeaseRequest(worker=worker, owner=owner)
        with peer_errors("id"):
            response = await self._stub.RenewLease(request, timeout=self._timeout_s)
        return _to_lease(response.lease)

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """See `LeaseSource.release`."""
        request = pb.ReleaseLeaseRequest(worker=worker, owner=owner, last_used_ms=last_used_ms)
        with peer_errors("id"):
            await self._stub.ReleaseLease(request, timeout=self._timeout_s)


def _to_lease(lease: pb.WorkerLease) -> Lease:
    return Lease(lease.worker, lease.owner, lease.not_before_ms, lease.expires_at_ms)
