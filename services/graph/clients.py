"""The user service as a directory of who exists, and who they are, over gRPC."""

from collections.abc import AsyncIterator, Sequence

import grpc.aio
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.graph.model import UserProfile
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.timestamps import from_timestamp

__all__ = ["UserClient"]

MAX_IDS_PER_CALL = 1000
"""What the user service takes at once; longer lists are split."""


class UserClient:
    """A client of `aviary.user.v1.UserService`; the graph service's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given; none gives none.

        Raises `InvalidArgumentError` for an id that is not positive, `UnavailableError` for no
        answer in time.
        """
        return [one async for answer in self._lookup(user_ids) for one in answer.missing_ids]

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        """The users that the ids name, in the order given, without those that name none.

        Raises as `missing` does.
        """
        return [
            UserProfile(
                user_id=user.user_id,
                handle=user.handle,
                display_name=user.display_name,
                created_at_ms=from_timestamp(user.created_at),
                bio=user.bio,
                protected=user.protected,
            )
            async for answer in self._lookup(user_ids)
            for user in answer.users
        ]

    async def _lookup(
        self, user_ids: Sequence[int]
    ) -> AsyncIterator[user_service_pb2.LookupUsersResponse]:
        for start in range(0, len(user_ids), MAX_IDS_PER_CALL):
            page = user_ids[start : start + MAX_IDS_PER_CALL]
            request = user_service_pb2.LookupUsersRequest(user_ids=page)
            yield await self._rpc.call(self._stub.LookupUsers, request)
