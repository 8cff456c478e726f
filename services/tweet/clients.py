"""The user service as a directory of who exists, over gRPC."""

from collections.abc import Sequence

import grpc.aio
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.rpc.rpc_client import RpcClient

__all__ = ["UserClient"]


class UserClient:
    """A client of `aviary.user.v1.UserService`; the tweet service's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Give those of `ids` that name no user, by one call for all of them."""
        request = user_service_pb2.LookupUsersRequest(user_ids=ids)
        return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)
