"""The user service as a directory of who exists."""

from collections.abc import Sequence

import grpc.aio
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.rpc.channels import Caller

__all__ = ["UserPeer"]

MAX_IDS_PER_CALL = 1000
"""What the user service takes at once; longer lists are split."""


class UserPeer:
    """A client of `aviary.user.v1.UserService`; the graph service's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._caller = caller
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given; none gives none.

        Raises `InvalidArgumentError` for an id that is not positive, `UnavailableError` for no
        answer in time.
        """
        missing: list[int] = []
        for start in range(0, len(user_ids), MAX_IDS_PER_CALL):
            request = user_service_pb2.LookupUsersRequest(
                user_ids=user_ids[start : start + MAX_IDS_PER_CALL]
            )
            answer = await self._caller.call(self._stub.LookupUsers, request)
            missing.extend(answer.missing_ids)
        return missing
