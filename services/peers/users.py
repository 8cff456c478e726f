"""The user service as a directory of who exists."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from grpc.aio import Channel

from services.peers import CALL_TIMEOUT_S, peer_errors

if TYPE_CHECKING:
    from aviary.user.v1.user_service_pb2_grpc import UserServiceAsyncStub

__all__ = ["PeerUserDirectory"]

_IDS_PER_CALL = 1000
"""The limit of LookupUsers."""


class PeerUserDirectory:
    """A directory of users, asked of `aviary.user.v1.UserService`; one try per call."""

    def __init__(self, channel: Channel, *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._stub: UserServiceAsyncStub = UserServiceStub(channel)
        self._timeout_s = timeout_s

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given; may raise `UnavailableError`."""
        missing: list[int] = []
        for start in range(0, len(user_ids), _IDS_PER_CALL):
            request = pb.LookupUsersRequest(user_ids=user_ids[start : start + _IDS_PER_CALL])
            with peer_errors("user"):
                response = await self._stub.LookupUsers(request, timeout=self._timeout_s)
            missing.extend(response.missing_ids)
        return missing
