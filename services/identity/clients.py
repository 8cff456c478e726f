"""The user service as the issuer's directory, over gRPC."""

import grpc.aio
from aviary.user.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc

from services.identity.ports import Account
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.rpc.rpc_client import RpcClient

__all__ = ["AccountClient"]


class AccountClient:
    """A client of `aviary.user.v1.UserService`; the issuer's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def create(self, handle: str, display_name: str, request_id: str) -> Account:
        """Make a user; a repeat of `request_id` gives the same one."""
        request = user_service_pb2.CreateUserRequest(
            handle=handle, display_name=display_name, request_id=request_id
        )
        return _account((await self._rpc.call(self._stub.CreateUser, request)).user)

    async def by_handle(self, handle: str) -> Account | None:
        """Find a user by handle; None if nobody has it, or nobody can."""
        request = user_service_pb2.GetUserByHandleRequest(handle=handle)
        try:
            return _account((await self._rpc.call(self._stub.GetUserByHandle, request)).user)
        except (NotFoundError, InvalidArgumentError):
            return None

    async def by_id(self, user_id: int) -> Account | None:
        """Find a user by id; None if there is none any more."""
        request = user_service_pb2.GetUserRequest(user_id=user_id)
        try:
            return _account((await self._rpc.call(self._stub.GetUser, request)).user)
        except NotFoundError:
            return None


def _account(user: user_pb2.User) -> Account:
    return Account(user.user_id, user.handle)
